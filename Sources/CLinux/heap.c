#include "heap.h"

#include <malloc.h>

enum { STEP = 32 << 20 };

void cpbuild_one_heap(void) {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TOP_PAD, STEP);
  // Where glibc ends up by itself; to set anything stops it from doing so.
  mallopt(M_MMAP_THRESHOLD, STEP);
}
