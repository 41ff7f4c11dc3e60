import Foundation

/// Requests that openssl made: with a P-256, an Ed25519 and an RSA key, each for "alice" and with an extension.
enum RequestSamples {
  static let pem = """
    -----BEGIN CERTIFICATE REQUEST-----
    MIIBCTCBrwIBADAfMQ0wCwYDVQQKDARhY21lMQ4wDAYDVQQDDAVhbGljZTBZMBMG
    ByqGSM49AgEGCCqGSM49AwEHA0IABCv3ML9tuqNAm39gHW2/UVF1aburgSMU4YxP
    S5DTC26D7ge4ZYm+JP3D9kpLSfgJk66n44JkIhkVoNhYOeejKxCgLjAsBgkqhkiG
    9w0BCQ4xHzAdMBsGA1UdEQQUMBKCEHZwbi5hY21lLmV4YW1wbGUwCgYIKoZIzj0E
    AwIDSQAwRgIhAO/YIgv9PcfSzc0+M+jquKStkCRq5oCaNDjLUblR756XAiEA71d/
    a+eoqwg3PnvFLGeol5QzeuqYTvgrqE5XNN9zy90=
    -----END CERTIFICATE REQUEST-----
    -----BEGIN CERTIFICATE REQUEST-----
    MIHNMIGAAgEAMB8xDTALBgNVBAoMBGFjbWUxDjAMBgNVBAMMBWFsaWNlMCowBQYD
    K2VwAyEAz+kv4ANb2rO/Fyk7EPVvu3Z9A0g6dHzq+EZk7+1FdpigLjAsBgkqhkiG
    9w0BCQ4xHzAdMBsGA1UdEQQUMBKCEHZwbi5hY21lLmV4YW1wbGUwBQYDK2VwA0EA
    PvsPytnJ9k3/bbkL+GMq4HON3elyBd+pnI0vUF5T6j0LXtQ4Q0VQ7dJxUINWj766
    1pZRG0tKY63nLMRYyw/IAw==
    -----END CERTIFICATE REQUEST-----
    -----BEGIN CERTIFICATE REQUEST-----
    MIICkjCCAXoCAQAwHzENMAsGA1UECgwEYWNtZTEOMAwGA1UEAwwFYWxpY2UwggEi
    MA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDIynrjWmIiarA8qzgez9lkYXc1
    00DyIoyh+4lrLjOcVNBZt1vYrnznPxqJhbwZIqOsZzXrTjvHtC6Kyw1N93vNDVHs
    vfWIOXp0KhCZgDP0vF24xQ/XkJhyAm3rJs4Gi00Ywzecye/lKQxtXWD7T5BkMdBw
    D0jphVGYcYMoyM8INEr89BsO07M1nzwxxvgWP8+4JvXiOQg2/xLrrMcK3i7LzB0d
    dQVBO+WXsEYWx/SSYjZyxKf7ol6E/yGaaW1hFUco6rSTJTLq5v/2NA8crFFaVyud
    FvNHdHubJig94r/P42n6155aBokxyfGuvlcCy7wsSvnrAGmZPhBkNi9R4NGDAgMB
    AAGgLjAsBgkqhkiG9w0BCQ4xHzAdMBsGA1UdEQQUMBKCEHZwbi5hY21lLmV4YW1w
    bGUwDQYJKoZIhvcNAQELBQADggEBAJfjmoMDZH2ogJKHtriXPNaGnxGZoPaBSxMU
    Ud4DQ74BSMujCgH0Jx3Ps9hxCjerbXjQouqjhzmWdMAvMNJQ2/W+MbvjEE9oY5DH
    7O4Wv3ST95kXytbt6Fbu1LcsShttkDW32oSuomFuuf4rX2e/ra4LFxazim5F/z/8
    UWr44j0acLIgxG5FzWQyy9iF8THpf2XLpAOyXf1K1WZVQnya3vhEmjR15JTJZLEF
    JMbeumLIkHBk+abJwdxMABw/m3ZiGr4MalgqqVWRdlLNtrPvE/tK4J76UOlBuXnm
    flafIYKPxVZOYHY7nquX4lxCtH+PNlKvU7MotZy8ZUlb6v8y2f0=
    -----END CERTIFICATE REQUEST-----
    """

  static let der: [[UInt8]] = pem.components(separatedBy: "-----END CERTIFICATE REQUEST-----").compactMap { part in
    let base64 = part.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
    return base64.isEmpty ? nil : Data(base64Encoded: base64).map { [UInt8]($0) }
  }
}
