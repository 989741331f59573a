//! Binary `nexus-server`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nexus_server::start::main()
}
