//! The program `belgie`: arguments in, exit code out. It uses only what the library gives everybody.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    belgie::cli::run(std::env::args_os()).await
}
