//! pkgfile
