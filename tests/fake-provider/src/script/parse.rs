//! Parser of directives.

use std::str::FromStr;
use std::time::Duration;

use super::{After, Before, DIRECTIVES, End, Script, ToolIndex, UsageForm, UsageTold, When, Which};
use crate::refusal::Kind;

/// Upper bound on the frames, tokens or requests of a directive: enough for any test, and no trap for memory.
const MOST: u64 = 10_000_000;
const MOST_MIB: usize = 256;
/// Default frame of a fault.
const SOON: usize = 3;

impl Script {
    /// Parses the directives of `model`.
    ///
    /// # Errors
    /// A sentence that names the invalid directive and the reason.
    pub fn parse(model: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for directive in model.split('+').skip(1) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            script
                .read(name, Argument(argument))
                .map_err(|reason| format!("`{directive}` in the model `{model}` {reason}"))?;
        }
        Ok(script)
    }

    fn read(&mut self, name: &str, argument: Argument<'_>) -> Result<(), String> {
        if let Some(row) = DIRECTIVES.iter().find(|row| row.name == name) {
            if row.argument.is_empty() && !argument.0.is_empty() {
                return Err("takes no argument".to_owned());
            }
        } else if name.parse::<u16>().is_err() {
            return Err("is not a directive: see `fake-provider --directives`".to_owned());
        }
        if self.preset(name, &argument)?
            || self.shape(name, &argument)?
            || self.stream(name, &argument)?
            || self.refusal(name, &argument)?
        {
            return Ok(());
        }
        Err("is not a directive: see `fake-provider --directives`".to_owned())
    }

    fn preset(&mut self, name: &str, argument: &Argument<'_>) -> Result<bool, String> {
        let long = match name {
            "s01" => format!("+429+retry-after={}+once", argument.or("2")),
            "s02" => format!("+429+retry-after={}", argument.or("2")),
            "s03" => "+500+once".to_owned(),
            "s04" => "+503".to_owned(),
            "s05" => "+reset".to_owned(),
            "s06" => argument.given().map_or("+silent".to_owned(), |time| format!("+silent={time}")),
            "s07" => format!("+first-after={}", argument.or("20s")),
            "s08" => "+frames=60+cut=40".to_owned(),
            "s09" => format!("+frames=60+stall=40,{}", argument.or("30s")),
            "s10" => "+malformed=3".to_owned(),
            "s11" => "+no-done".to_owned(),
            "s12" => "+context".to_owned(),
            "s13" => "+filter=3".to_owned(),
            "s14" => "+no-prefill".to_owned(),
            "s15" => format!("+503+flap={}", argument.or("1,1")),
            "s16" => "+500+billed+once".to_owned(),
            _ => return Ok(false),
        };
        for directive in long.split('+').skip(1) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            self.read(name, Argument(argument))?;
        }
        Ok(true)
    }

    fn shape(&mut self, name: &str, argument: &Argument<'_>) -> Result<bool, String> {
        let shape = &mut self.shape;
        match name {
            "frames" => shape.frames = Some(argument.size()?),
            "say" => shape.say = Some(argument.hex()?),
            "finish" => shape.finish = Some(argument.needed()?.to_owned()),
            "thinking" => shape.thinking = argument.size()?,
            "reasoning" => shape.reasoning = argument.count()?,
            "tools" => shape.tools = argument.size_or(1)?,
            "cached" => shape.cache_read = argument.count()?,
            "cache-write" => shape.cache_write = argument.count()?,
            "cache-write-1h" => shape.cache_write_1h = argument.count()?,
            "audio-in" => shape.audio_in = argument.count()?,
            "audio-out" => shape.audio_out = argument.count()?,
            "tool-prompt" => shape.tool_prompt = argument.count()?,
            "searches" => shape.searches = argument.count()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn stream(&mut self, name: &str, argument: &Argument<'_>) -> Result<bool, String> {
        let faults = &mut self.faults;
        match name {
            "reset" => faults.before = Some(Before::Reset),
            "close" => faults.before = Some(Before::Close),
            "silent" => faults.before = Some(Before::Silent(argument.time_if_given()?)),
            "head-after" => faults.head_after = argument.time()?,
            "first-after" => faults.first_after = argument.time()?,
            "pace" => faults.pace = argument.time()?,
            "cut" => faults.after = Some((argument.size_or(SOON)?, After::Cut)),
            "cut-reset" => faults.after = Some((argument.size_or(SOON)?, After::Reset)),
            "stall" => {
                let (frames, time) = argument.0.split_once(',').unwrap_or((argument.0, ""));
                let time = Argument(time).time_if_given()?;
                faults.after = Some((Argument(frames).size_or(SOON)?, After::Stall(time)));
            }
            "error" => faults.after = Some((argument.size_or(SOON)?, After::Error)),
            "malformed" => faults.malformed = Some(argument.size_or(SOON)?),
            "duplicate" if argument.0.is_empty() => faults.duplicate = Some(Which::All),
            "duplicate" => faults.duplicate = Some(Which::One(argument.size()?)),
            "huge" => faults.huge = Some(argument.at_most(MOST_MIB)?),
            "filter" => faults.filter = Some(argument.size_or(SOON)?),
            "cut-byte" => faults.cut_byte = Some(argument.size()?),
            "drip" => faults.drip = Some(argument.time_if_given()?.unwrap_or_default()),
            "no-done" => faults.end = End::NoMarker,
            "no-finish" => faults.end = End::NoFinish,
            "crlf" => faults.framing.crlf = true,
            "unknown" => faults.framing.unknown = true,
            "open-end" => faults.framing.open_end = true,
            "usage-zero" => faults.usage_form = UsageForm::Zero,
            "usage-text" => faults.usage_form = UsageForm::Text,
            "usage-float" => faults.usage_form = UsageForm::Float,
            "no-usage" => faults.usage = UsageTold::Nowhere,
            "usage-each" => faults.usage = UsageTold::Each,
            "usage-final" => faults.usage = UsageTold::Final,
            "no-final-usage" => faults.usage = UsageTold::NotFinal,
            "tool-index" => faults.tools.index = argument.tool_index()?,
            "tool-split" => faults.tools.split = true,
            "tool-empty-name" => faults.tools.empty_name = true,
            "tool-invalid" => faults.tools.invalid = true,
            "tool-no-id" => faults.tools.no_id = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn refusal(&mut self, name: &str, argument: &Argument<'_>) -> Result<bool, String> {
        let faults = &mut self.faults;
        match name {
            "once" => self.when = When::First(1),
            "first" => self.when = When::First(argument.count()?),
            "flap" => self.when = argument.turns()?,
            "quota" => faults.refusal = Some(Kind::Quota),
            "billing" => faults.refusal = Some(Kind::Billing),
            "overloaded" => faults.refusal = Some(Kind::Overloaded),
            "html" => faults.refusal = Some(Kind::Html(argument.status_or(502)?)),
            "context" => faults.context = Some(argument.count_or(0)?),
            "blocked" => faults.refusal = Some(Kind::Blocked),
            "no-prefill" => faults.no_prefill = true,
            "billed" => faults.billed = true,
            "retry-after" => faults.hints.after = Some(argument.seconds()?),
            "retry-after-ms" => faults.hints.after_ms = Some(argument.count()?),
            "retry-date" => faults.hints.date = Some(argument.count()?),
            "retry-info" => faults.hints.info = Some(argument.needed()?.to_owned()),
            "should-retry" => faults.hints.should_retry = Some(argument.parse("`true` or `false`")?),
            status => match Argument(status).status_or(0)? {
                0 => return Ok(false),
                status => faults.refusal = Some(Kind::of_status(status)),
            },
        }
        Ok(true)
    }
}

/// Text after `=`.
#[derive(Clone, Copy)]
struct Argument<'a>(&'a str);

impl<'a> Argument<'a> {
    fn given(&self) -> Option<&'a str> {
        Some(self.0).filter(|text| !text.is_empty())
    }

    fn or(&self, otherwise: &'a str) -> &'a str {
        self.given().unwrap_or(otherwise)
    }

    fn needed(&self) -> Result<&'a str, String> {
        self.given().ok_or_else(|| "needs an argument".to_owned())
    }

    /// Parses the hexadecimal digits of a text.
    fn hex(&self) -> Result<String, String> {
        let digits: Option<Vec<u8>> = self
            .0
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let text = digits.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| "needs the hexadecimal digits of a text".to_owned())
    }

    fn parse<T: FromStr>(&self, wanted: &str) -> Result<T, String> {
        self.needed()?.parse().map_err(|_| format!("needs {wanted}"))
    }

    fn count(&self) -> Result<u64, String> {
        match self.parse::<u64>("a whole number")? {
            count if count <= MOST => Ok(count),
            _ => Err(format!("asks for more than {MOST}")),
        }
    }

    fn count_or(&self, otherwise: u64) -> Result<u64, String> {
        self.given().map_or(Ok(otherwise), |_| self.count())
    }

    fn size(&self) -> Result<usize, String> {
        usize::try_from(self.count()?).map_err(|_| "is too large".to_owned())
    }

    fn size_or(&self, otherwise: usize) -> Result<usize, String> {
        self.given().map_or(Ok(otherwise), |_| self.size())
    }

    fn at_most(&self, most: usize) -> Result<usize, String> {
        match self.size()? {
            size if size <= most => Ok(size),
            _ => Err(format!("asks for more than {most}")),
        }
    }

    /// Parses a time such as `20s`, `250ms` or `250`, which is milliseconds.
    fn time(&self) -> Result<Duration, String> {
        let text = self.needed()?;
        let (digits, unit) = match text.strip_suffix("ms") {
            Some(digits) => (digits, 1),
            None => text.strip_suffix('s').map_or((text, 1), |digits| (digits, 1000)),
        };
        let count: u64 = digits.parse().map_err(|_| "needs a time such as `20s` or `250ms`".to_owned())?;
        Ok(Duration::from_millis(count.saturating_mul(unit)))
    }

    fn time_if_given(&self) -> Result<Option<Duration>, String> {
        self.given().map(|_| self.time()).transpose()
    }

    fn seconds(&self) -> Result<String, String> {
        match self.parse::<f64>("seconds such as `2` or `0.05`")? {
            seconds if seconds.is_finite() && seconds >= 0.0 => Ok(self.0.to_owned()),
            _ => Err("needs seconds such as `2` or `0.05`".to_owned()),
        }
    }

    fn status_or(&self, otherwise: u16) -> Result<u16, String> {
        let Some(text) = self.given() else { return Ok(otherwise) };
        match text.parse() {
            Ok(status @ 400..=599) => Ok(status),
            Ok(_) | Err(_) => Err("needs a status from 400 to 599".to_owned()),
        }
    }

    fn turns(&self) -> Result<When, String> {
        let (bad, good) = self.or("1,1").split_once(',').ok_or("needs two numbers such as `2,1`")?;
        Ok(When::Turns { bad: Argument(bad).count()?, good: Argument(good).count()? })
    }

    fn tool_index(&self) -> Result<ToolIndex, String> {
        match self.0 {
            "missing" => Ok(ToolIndex::Missing),
            "zero" => Ok(ToolIndex::Zero),
            "one" => Ok(ToolIndex::FromOne),
            _ => Err("needs `missing`, `zero` or `one`".to_owned()),
        }
    }
}
