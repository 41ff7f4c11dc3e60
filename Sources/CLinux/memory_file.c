#define _GNU_SOURCE
#include "memory_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, CHUNK = 256 * PAGE };

int cpbuild_memory_file(const char *name, uint64_t size, uint32_t user) {
  int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0) return -errno;
  if (ftruncate(file, (off_t)size) == 0 && fchmod(file, 0600) == 0 && (user == geteuid() || fchown(file, user, user) == 0)) {
    return file;
  }
  int code = errno;
  close(file);
  return -code;
}

static bool is_zero(const char *page, size_t count) {
  return page[0] == 0 && memcmp(page, page + 1, count - 1) == 0;
}

static int write_all(int to, const char *bytes, size_t count, off_t at) {
  while (count > 0) {
    ssize_t written = pwrite(to, bytes, count, at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    at += written;
    count -= (size_t)written;
  }
  return 0;
}

/// Of a chunk at AT, the runs of pages that aren't zeros.
static int write_runs(int to, const char *chunk, size_t count, off_t at) {
  size_t begin = 0;
  for (size_t page = 0; page < count; page += PAGE) {
    size_t length = count - page < PAGE ? count - page : PAGE;
    if (!is_zero(chunk + page, length)) continue;
    int code = write_all(to, chunk + begin, page - begin, at + (off_t)begin);
    if (code != 0) return code;
    begin = page + length;
  }
  return write_all(to, chunk + begin, count - begin, at + (off_t)begin);
}

static int copy_extent(int from, int to, char *chunk, off_t at, off_t end) {
  while (at < end) {
    size_t wanted = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
    ssize_t count = pread(from, chunk, wanted, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return 0;
    int code = write_runs(to, chunk, (size_t)count, at);
    if (code != 0) return code;
    at += count;
  }
  return 0;
}

int cpbuild_copy_sparse(int from, int to) {
  struct stat status;
  if (fstat(from, &status) != 0 || ftruncate(to, status.st_size) != 0) return errno;
  char *chunk = malloc(CHUNK);
  if (chunk == NULL) return ENOMEM;
  int code = 0;
  off_t begin = 0;
  while (code == 0 && (begin = lseek(from, begin, SEEK_DATA)) >= 0) {
    off_t end = lseek(from, begin, SEEK_HOLE);
    if (end < 0) break;
    code = copy_extent(from, to, chunk, begin, end);
    begin = end;
  }
  // No data behind the last.
  if (code == 0 && errno != ENXIO) code = errno;
  free(chunk);
  return code;
}
