//! `nexus search`.

use clap::Args;
use nexus_core::retrieve::{ComponentScore, Hit, Retrieved, SearchMode};
use nexus_core::{Result, Search};

use super::filters::Filters;
use super::render_answer::{place, tell_of_documents_in_flight};
use super::standard_input;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::output::Output;
use crate::terminal::{count, one_line};

const ABOUT: &str = "\
Finds the passages that match best, without answering.

Only documents that you may read are searched. `--explain` shows how a passage is ranked: its score and rank in \
each retriever, and the contribution of each word of the question. Works while another process uses the data \
directory, unless an embedder is configured: its call is charged and recorded, so the search needs the directory to itself.";

const EXAMPLES: &str = "\
Examples:
  nexus search --corpus handbook \"retention of invoices\"
  nexus search --corpus handbook --top-k 20 --doc-tag 2026 --explain \"retention of invoices\"";

/// Find passages
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct SearchArgs {
    /// The query; `-` reads it from standard input
    question: String,
    #[command(flatten)]
    narrowing: Filters,
    /// Show why each passage ranks where it does
    #[arg(long)]
    explain: bool,
}

/// Length of an excerpt, in characters.
const EXCERPT: usize = 400;

pub(super) async fn run(context: &Context<'_>, args: SearchArgs) -> Result<Exit> {
    let narrowing = args.narrowing;
    let search = Search {
        top_k: narrowing.top_k,
        filter: narrowing.filter,
        tags: narrowing.document_tags,
        documents: narrowing.documents,
        explain: args.explain,
        ..Search::new(narrowing.corpus, standard_input::question(args.question).await?)
    };
    let search = async |OpenStore { nexus, .. }: &OpenStore| nexus.search(&context.caller, search).await;
    let found = if context.config.llm.embedder.is_some() {
        // The vector of the question comes from a call, which the store charges and records.
        context.with_writer_no_resume(search).await?
    } else {
        context.with_reader(search).await?
    };
    if context.output.is_json() {
        context.output.json(&found)?;
    } else {
        print(context.output, &found, args.explain)?;
    }
    Ok(Exit::Done)
}

fn print(output: &Output, found: &Retrieved, explain: bool) -> Result<()> {
    if found.hits.is_empty() {
        output.line("No passage that you may read matches.")?;
    }
    for (rank, hit) in (1..).zip(&found.hits) {
        let place =
            [&[place(&hit.source_name, hit.passage.page)], &*hit.passage.heading_path].concat().join(" › ");
        output.line(format_args!("{rank:>2}. {place}  ({:.3})", hit.score))?;
        output.line(format_args!("    {}", one_line(&hit.passage.text, EXCERPT)))?;
        if explain {
            explanation(output, hit)?;
        }
    }
    if explain || found.under_filled {
        output.line(summary(found))?;
    }
    tell_of_documents_in_flight(output, found.documents_in_flight);
    Ok(())
}

fn explanation(output: &Output, hit: &Hit) -> Result<()> {
    output.line(format_args!(
        "    passage {}, bytes {}..{}",
        hit.passage.key, hit.passage.span.start, hit.passage.span.end
    ))?;
    component(output, "words", hit.lexical.as_ref())?;
    component(output, "vectors", hit.vector.as_ref())?;
    hit.terms.iter().try_for_each(|term| {
        output.line(format_args!(
            "      {:<16} +{:.3}  {} here, in {}",
            term.term,
            term.score,
            term.frequency,
            count(term.passages, "passage"),
        ))
    })
}

fn component(output: &Output, name: &str, component: Option<&ComponentScore>) -> Result<()> {
    component.map_or(Ok(()), |component| {
        output.line(format_args!(
            "    {name}: score {:.3}, place {}, adds {:.3}",
            component.score, component.rank, component.contribution
        ))
    })
}

fn summary(found: &Retrieved) -> String {
    let how = match found.mode {
        SearchMode::Lexical => "by words only",
        SearchMode::Vector => "by vectors only",
        SearchMode::Hybrid => "by words and vectors",
    };
    let permitted = count(found.permitted, "passage");
    let fewer = if found.under_filled { ", fewer than asked for" } else { "" };
    format!("Searched {how}, among the {permitted} that you may read here{fewer}.")
}
