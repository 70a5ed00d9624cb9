//! Kernel settings, from `/proc/sys`.
