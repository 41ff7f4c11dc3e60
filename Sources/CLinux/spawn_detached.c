// glibc hides what isn't in POSIX from whoever doesn't ask, and Swift's module of it doesn't.
#define _GNU_SOURCE
#include "spawn_detached.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

enum { FIRST = 3, MOST = 16 };

static int set_files(posix_spawn_file_actions_t *actions, const char *log, const int *descriptors, int count) {
  int code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
  if (code == 0) {
    code = posix_spawn_file_actions_addopen(actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  }
  if (code == 0) code = posix_spawn_file_actions_adddup2(actions, 1, 2);
  for (int i = 0; i < count && code == 0; i++) {
    code = posix_spawn_file_actions_adddup2(actions, descriptors[i], FIRST + i);
  }
  if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(actions, FIRST + count);
  if (code == 0) code = posix_spawn_file_actions_addchdir_np(actions, "/");
  return code;
}

static int set_signals(posix_spawnattr_t *attributes) {
  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  int code = posix_spawnattr_setsigmask(attributes, &none);
  if (code == 0) code = posix_spawnattr_setsigdefault(attributes, &every);
  if (code == 0) {
    code = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  return code;
}

static int spawn(
    const char *path, char *const arguments[], char *const environment[], const char *log, const int *descriptors,
    int count, int *pid) {
  posix_spawn_file_actions_t actions;
  int code = posix_spawn_file_actions_init(&actions);
  if (code != 0) return code;
  posix_spawnattr_t attributes;
  code = posix_spawnattr_init(&attributes);
  if (code != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return code;
  }
  code = set_files(&actions, log, descriptors, count);
  if (code == 0) code = set_signals(&attributes);
  if (code == 0) code = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}

int cpbuild_spawn_detached(
    const char *path, char *const arguments[], char *const environment[], const char *log, const int *descriptors,
    int count, int *pid) {
  if (count > MOST) return E2BIG;
  // Copied out of the way first, so that none is overwritten before it has its place.
  int aside[MOST];
  int copied = 0, code = 0;
  while (copied < count && code == 0) {
    int copy = fcntl(descriptors[copied], F_DUPFD_CLOEXEC, FIRST + MOST);
    if (copy < 0) {
      code = errno;
    } else {
      aside[copied++] = copy;
    }
  }
  if (code == 0) code = spawn(path, arguments, environment, log, aside, count, pid);
  while (copied > 0) close(aside[--copied]);
  return code;
}
