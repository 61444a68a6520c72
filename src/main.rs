//! The `cgwfw` program: everything is in the library.

fn main() -> std::process::ExitCode {
    cgwfw::cli::run()
}
