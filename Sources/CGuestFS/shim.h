#include <guestfs.h>

/// A handle that takes no setting from the environment. guestfs_create_flags(3) is variadic, which Swift can't import.
static inline guestfs_h *cguestfs_create(void) { return guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT); }
