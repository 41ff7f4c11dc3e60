#define _GNU_SOURCE
#include "network_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

int cpbuild_enter_network(const char *path) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  int code = setns(descriptor, CLONE_NEWNET) == 0 ? 0 : errno;
  close(descriptor);
  return code;
}
