#pragma once

/// Has malloc(3) serve all threads from one heap, which grows by 32 MiB of addresses at a time. By itself glibc gives each
/// thread a heap that grows by a page, with two system calls each time. Call it before the first other thread starts.
void cpbuild_one_heap(void);
