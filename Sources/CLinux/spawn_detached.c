// glibc hides what isn't in POSIX from whoever doesn't ask, and Swift's module of it doesn't.
#define _GNU_SOURCE
#include "spawn_detached.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

int cpbuild_spawn_detached(
    const char *path, char *const arguments[], char *const environment[], const char *log, int *pid) {
  posix_spawn_file_actions_t actions;
  int code = posix_spawn_file_actions_init(&actions);
  if (code != 0) return code;
  posix_spawnattr_t attributes;
  code = posix_spawnattr_init(&attributes);
  if (code != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return code;
  }

  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (code == 0) {
    code = posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  }
  if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (code == 0) code = posix_spawn_file_actions_addchdir_np(&actions, "/");
  if (code == 0) code = posix_spawnattr_setsigmask(&attributes, &none);
  if (code == 0) code = posix_spawnattr_setsigdefault(&attributes, &every);
  if (code == 0) {
    code = posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  if (code == 0) code = posix_spawn(pid, path, &actions, &attributes, arguments, environment);

  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}
