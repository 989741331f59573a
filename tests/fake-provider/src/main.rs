//! Binary `fake-provider`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use nexus_fake_provider::Scripted;
use nexus_fake_provider::script::DIRECTIVES;
use tokio::signal::unix::{SignalKind, signal};

/// Fakes the model APIs of OpenAI, Anthropic, Gemini and Ollama on the loopback address.
///
/// Replies depend on the request alone. The model's name asks for faults: `scripted-1+cut=3`.
#[derive(Debug, Parser)]
#[command(name = "fake-provider", version)]
struct Args {
    /// The port; 0 takes any free one.
    #[arg(long, default_value_t = 11999)]
    port: u16,
    /// Print the directives of a model's name, and exit.
    #[arg(long)]
    directives: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = if args.directives { directives() } else { run(args.port) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error the message has no reader.
            let _ = writeln!(io::stderr(), "error: {error}\nhint: `--port 0` takes any free port");
            ExitCode::FAILURE
        }
    }
}

fn directives() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for row in DIRECTIVES {
        let usage = if row.argument.is_empty() {
            row.name.to_owned()
        } else {
            format!("{}={}", row.name, row.argument)
        };
        writeln!(out, "{usage:28} {}", row.meaning)?;
    }
    Ok(())
}

fn run(port: u16) -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let scripted = Scripted::listen(port).await?;
    welcome(&scripted)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    scripted.shutdown().await;
    Ok(())
}

/// Prints the address, and the variables that direct clients to it.
fn welcome(scripted: &Scripted) -> io::Result<()> {
    let (url, openai) = (scripted.url(), scripted.openai_url());
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {url}; the bill is at {url}/_scripted/log")?;
    writeln!(out, "export OPENAI_BASE_URL={openai} OPENAI_API_KEY=scripted")?;
    writeln!(out, "export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=scripted")?;
    writeln!(out, "export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=scripted")?;
    writeln!(out, "export OLLAMA_HOST={url}")?;
    out.flush()
}
