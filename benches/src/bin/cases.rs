//! Runs cases of use on a built program: `cases PROGRAM FOLDER`.
//!
//! A case is a folder of inputs with an expectation `expect/CASE.json` beside it: commands that set up the data, commands
//! that are checked, each with an exit code and regular expressions that its standard output must and must not match.
//! Each case has data, configuration and home directories of its own, and no environment of the caller's but `PATH`.
//! Prints one line a case, the reasons below a wrong one, and ends with 1 if any is wrong.

#![expect(clippy::print_stdout, reason = "the list is what the program is for")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use anyhow::{Context, Result};
use regex::Regex;
use serde::Deserialize;

/// Name of the case's folder in the arguments of a command.
const CASE: &str = "{case}";

/// Expectation of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Arguments of the commands that prepare the data, which may end with any exit code.
    #[serde(default)]
    setup: Vec<Vec<String>>,
    commands: Vec<Expected>,
}

/// Command of a case, with what it must say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    argv: Vec<String>,
    exit: Option<i32>,
    #[serde(default)]
    stdout_must: Vec<String>,
    #[serde(default)]
    stdout_must_not: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (program, folder) = arguments.next().zip(arguments.next()).context("usage: cases PROGRAM FOLDER")?;
    let (program, folder) = (program.canonicalize()?, folder.canonicalize()?);
    let mut names =
        fs::read_dir(folder.join("expect"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    let mut wrong = 0;
    for path in &names {
        let case = path.file_stem().context("a case without a name")?;
        let reasons = run(&program, &folder.join(case), path).with_context(|| path.display().to_string())?;
        println!("{}  {}", if reasons.is_empty() { "right" } else { "wrong" }, case.display());
        for reason in &reasons {
            println!("       {reason}");
        }
        wrong += usize::from(!reasons.is_empty());
    }
    println!("{} right, {wrong} wrong", names.len() - wrong);
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a case, and returns the reasons why it is wrong.
fn run(program: &Path, inputs: &Path, expected: &Path) -> Result<Vec<String>> {
    let case: Case = serde_json::from_str(&fs::read_to_string(expected)?)?;
    let home = tempfile::tempdir()?;
    let said = |argv: &[String]| -> Result<Output> {
        let inputs = inputs.display().to_string();
        let mut command = Command::new(program);
        command.args(argv.iter().map(|argument| argument.replace(CASE, &inputs)));
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", home.path()).env("NEXUS_DATA", home.path().join("data"));
        command.env("NEXUS_CONFIG_DIR", home.path().join("configuration")).current_dir(home.path());
        Ok(command.output()?)
    };
    for argv in &case.setup {
        said(argv)?;
    }
    let mut reasons = Vec::new();
    for Expected { argv, exit, stdout_must, stdout_must_not } in &case.commands {
        let output = said(argv)?;
        let out = String::from_utf8_lossy(&output.stdout);
        let mut wrong = |what: String| reasons.push(format!("{}: {what}", argv.join(" ")));
        if exit.is_some() && *exit != output.status.code() {
            wrong(format!("ended with {:?}", output.status.code()));
        }
        for pattern in stdout_must {
            if !Regex::new(pattern)?.is_match(&out) {
                wrong(format!("nothing matches `{pattern}`"));
            }
        }
        for pattern in stdout_must_not {
            if Regex::new(pattern)?.is_match(&out) {
                wrong(format!("something matches `{pattern}`"));
            }
        }
    }
    Ok(reasons)
}
