#pragma once

#include <stdint.h>

/// Makes a file that is nothing but memory (memfd_create(2)), of SIZE bytes and mode 0600, which belongs to USER and is gone
/// when nobody has it open any more. Returns a descriptor, or a negated errno.
int cpbuild_memory_file(const char *name, uint64_t size, uint32_t user);
/// Writes what the file FROM holds into the file TO, which is empty or has nothing but zeros, at the same places; pages of
/// zeros are left out. Returns 0 or an errno.
int cpbuild_copy_sparse(int from, int to);
