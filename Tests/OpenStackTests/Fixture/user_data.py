"""Prints what an instance is handed as its user data, asked for as Neutron's metadata agent does.

usage: user_data.py METADATA-URL SECRET SERVER PROJECT
"""

import hashlib
import hmac
import sys
import urllib.request

url, secret, server, project = sys.argv[1:]
signature = hmac.new(secret.encode(), server.encode(), hashlib.sha256).hexdigest()
request = urllib.request.Request(url + "/latest/user-data", headers={
    "X-Instance-ID": server, "X-Tenant-ID": project, "X-Forwarded-For": "10.0.0.2",
    "X-Instance-ID-Signature": signature})
sys.stdout.write(urllib.request.urlopen(request, timeout=60).read().decode())
