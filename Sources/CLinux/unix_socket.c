#define _GNU_SOURCE
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// The kernel takes 107 bytes of a path (unix(7)), so the folder is named by a descriptor, which the caller closes.
static int address_of(const char *path, struct sockaddr_un *address) {
  const char *slash = strrchr(path, '/');
  char folder[4096] = ".";
  if (slash != NULL) {
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof folder) return -ENAMETOOLONG;
    memcpy(folder, path, length);
    folder[length] = 0;
  }
  int descriptor = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", descriptor,
                        slash == NULL ? path : slash + 1);
  if (length < 0 || (size_t)length >= sizeof address->sun_path) {
    close(descriptor);
    return -ENAMETOOLONG;
  }
  return descriptor;
}

int cpbuild_listen(const char *path) {
  struct sockaddr_un address;
  int folder = address_of(path, &address);
  if (folder < 0) return folder;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // The socket's file has the mode that its descriptor had before bind(2).
  int done = listener >= 0 && fchmod(listener, 0600) == 0 && (unlink(address.sun_path) == 0 || errno == ENOENT) &&
             bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0;
  int code = errno;
  close(folder);
  if (done) return listener;
  if (listener >= 0) close(listener);
  return -code;
}

int cpbuild_connect(const char *path) {
  struct sockaddr_un address;
  int folder = address_of(path, &address);
  if (folder < 0) return folder;
  int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int done = peer >= 0 && connect(peer, (struct sockaddr *)&address, sizeof address) == 0;
  int code = errno;
  close(folder);
  if (done) return peer;
  if (peer >= 0) close(peer);
  return -code;
}

int cpbuild_send_descriptor(int peer, const void *bytes, size_t count, int descriptor) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec vector = {(void *)bytes, count};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  ssize_t sent = sendmsg(peer, &message, MSG_NOSIGNAL);
  if (sent < 0) return errno;
  return (size_t)sent == count ? 0 : EAGAIN;
}
