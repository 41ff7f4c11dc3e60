#define _GNU_SOURCE
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct request {
  const char *space;
  const char *name;
  int result;
};

static int attach(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  if (strlen(name) >= sizeof request.ifr_name) return -ENAMETOOLONG;
  strcpy(request.ifr_name, name);
  int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (tap < 0) return -errno;
  if (ioctl(tap, TUNSETIFF, &request) == 0) return tap;
  int code = errno;
  close(tap);
  return -code;
}

static int enter(const char *path) {
  if (path == NULL) return unshare(CLONE_NEWNET) == 0 ? 0 : -errno;
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0) return -errno;
  int code = setns(space, CLONE_NEWNET) == 0 ? 0 : -errno;
  close(space);
  return code;
}

/// A thread that entered another namespace is of no more use to anybody else.
static void *work(void *argument) {
  struct request *request = argument;
  request->result = enter(request->space);
  if (request->result == 0) request->result = attach(request->name);
  return NULL;
}

int cpbuild_open_tap(const char *space, const char *name) {
  struct request request = {space, name, -EIO};
  pthread_t thread;
  int code = pthread_create(&thread, NULL, work, &request);
  if (code != 0) return -code;
  pthread_join(thread, NULL);
  return request.result;
}
