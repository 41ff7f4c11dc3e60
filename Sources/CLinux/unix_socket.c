#define _GNU_SOURCE
#include "unix_socket.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int address_of(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
  strcpy(address->sun_path, path);
  return 0;
}

int cpbuild_listen(const char *path) {
  struct sockaddr_un address;
  int code = address_of(path, &address);
  if (code != 0) return code;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return -errno;
  // The mode of the socket's file is that of the descriptor, where it was set before bind(2).
  if (fchmod(listener, 0600) == 0 && (unlink(path) == 0 || errno == ENOENT) &&
      bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0) {
    return listener;
  }
  code = errno;
  close(listener);
  return -code;
}

int cpbuild_connect(const char *path) {
  struct sockaddr_un address;
  int code = address_of(path, &address);
  if (code != 0) return code;
  int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (peer < 0) return -errno;
  if (connect(peer, (struct sockaddr *)&address, sizeof address) == 0) return peer;
  code = errno;
  close(peer);
  return -code;
}
