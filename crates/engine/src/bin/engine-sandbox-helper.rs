//! The sandbox helper as a program of its own, for this crate's tests; the real program calls the same function.

fn main() {
    engine::run_helper_if_asked();
}
