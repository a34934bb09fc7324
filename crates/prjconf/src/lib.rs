//! prjconf
