mod worker;

fn main() {}
