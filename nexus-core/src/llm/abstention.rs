//! Abstention phrases: [`is_abstention`] recognises a short reply that says that the passages do not hold the answer.
//!
//! A sentence abstains when it holds a whole phrase of one language, or a source, a negation and a verb of that
//! language. The words stand here in lower case and without diacritics, as [`fold`] writes them; a verb stands for all
//! words that begin with it.

/// Upper bound on the words of an abstention.
const MAX_WORDS: usize = 60;

/// Words of one language.
struct Phrases {
    /// Phrases that abstain by themselves.
    whole: &'static [&'static str],
    /// Names of what was shown to the model.
    sources: &'static [&'static str],
    /// Negations.
    negations: &'static [&'static str],
    /// Beginnings of verbs for holding an answer.
    verbs: &'static [&'static str],
    /// Words after which a sentence says something else.
    contrasts: &'static [&'static str],
    /// Beginnings of sentences that claim nothing, beside an abstention.
    courtesies: &'static [&'static str],
}

const LANGUAGES: [Phrases; 10] = [
    Phrases {
        whole: &[
            "i do not know",
            "i don't know",
            "cannot answer",
            "can not answer",
            "can't answer",
            "unable to answer",
            "not able to answer",
            "cannot be answered",
            "can not be answered",
            "can't be answered",
            "cannot be determined",
            "cannot determine",
            "can't determine",
            "unable to determine",
            "not able to determine",
            "not stated",
            "not specified",
            "not mentioned",
            "not provided",
            "not applicable",
            "n/a",
            "could not find",
            "couldn't find",
            "cannot find",
            "can't find",
            "unable to find",
            "no information",
            "not enough information",
            "insufficient information",
            "cannot confirm or deny",
            "unable to assist",
            "no answer in the",
            "no mention of",
            "no relevant information",
            "is not mentioned",
            "is not stated",
            "is not specified",
            "is not provided",
            "is not addressed",
            "isn't mentioned",
            "isn't stated",
            "not found in the",
        ],
        sources: &[
            "passage",
            "passages",
            "document",
            "documents",
            "context",
            "source",
            "sources",
            "text",
            "texts",
            "excerpt",
            "excerpts",
            "information",
            "material",
            "answer",
        ],
        negations: &[
            "not", "don't", "doesn't", "isn't", "aren't", "none", "no", "nothing", "neither", "cannot",
            "can't",
        ],
        verbs: &[
            "contain",
            "hold",
            "say",
            "says",
            "mention",
            "state",
            "specif",
            "answer",
            "includ",
            "provid",
            "address",
            "cover",
            "indicat",
            "tell",
            "describ",
            "discuss",
            "explain",
            "give",
            "found",
            "available",
        ],
        contrasts: &["but", "however", "although", "though", "except", "nevertheless", "instead"],
        courtesies: &["sorry", "i'm sorry", "i am sorry", "please", "let me know", "if you", "unfortunately"],
    },
    Phrases {
        whole: &[
            "ich weiss es nicht",
            "weiss ich nicht",
            "nicht beantworten",
            "nicht beantwortet werden",
            "keine information",
            "nicht feststellen",
            "nicht gefunden",
            "keine angabe",
            "keine auskunft",
            "keine antwort",
            "nicht zu entnehmen",
            "geht nicht hervor",
            "geht aus den",
            "lasst sich nicht",
            "nicht genug information",
            "nicht genugend information",
        ],
        sources: &[
            "passage",
            "passagen",
            "textpassagen",
            "textstellen",
            "abschnitte",
            "abschnitten",
            "dokument",
            "dokumente",
            "dokumenten",
            "kontext",
            "quelle",
            "quellen",
            "text",
            "texte",
            "texten",
            "unterlagen",
            "auszuge",
            "auszugen",
            "informationen",
            "antwort",
        ],
        negations: &["nicht", "kein", "keine", "keinen", "keinerlei", "nichts", "weder"],
        verbs: &[
            "enthal",
            "enthiel",
            "nennen",
            "nennt",
            "genannt",
            "erwahn",
            "sagen",
            "sagt",
            "steht",
            "stehen",
            "beantwort",
            "angegeben",
            "geben",
            "gibt",
            "hervor",
            "finde",
            "find",
            "liefer",
        ],
        contrasts: &["aber", "jedoch", "allerdings", "sondern", "dennoch", "ausser", "obwohl"],
        courtesies: &["leider", "tut mir leid", "es tut mir leid", "bitte", "wenn sie", "falls sie"],
    },
    Phrases {
        whole: &[
            "je ne sais pas",
            "ne peux pas repondre",
            "ne peut pas repondre",
            "impossible de repondre",
            "aucune information",
            "pas trouve",
            "ne peux pas determiner",
            "ne dispose pas",
            "pas d'information",
            "pas assez d'information",
            "pas suffisamment d'information",
            "ne permettent pas de repondre",
            "ne permet pas de repondre",
            "n'est pas mentionne",
            "n'est pas precise",
            "n'est pas indique",
        ],
        sources: &[
            "passage",
            "passages",
            "document",
            "documents",
            "contexte",
            "source",
            "sources",
            "texte",
            "textes",
            "extraits",
            "informations",
            "reponse",
        ],
        negations: &["ne", "n'", "pas", "aucun", "aucune", "rien"],
        verbs: &[
            "contien", "contenu", "mentionn", "precis", "repond", "indiqu", "disent", "dit", "donn",
            "fourni", "trouv", "figur", "permet", "inclu",
        ],
        contrasts: &["mais", "cependant", "toutefois", "neanmoins", "pourtant", "sauf"],
        courtesies: &["desole", "je suis desole", "malheureusement", "veuillez", "si vous"],
    },
    Phrases {
        whole: &[
            "no lo se",
            "no se la respuesta",
            "no puedo responder",
            "no se puede responder",
            "no es posible responder",
            "no hay informacion",
            "no dispongo de",
            "no tengo informacion",
            "no encontre",
            "no he encontrado",
            "no puedo determinar",
            "ninguna informacion",
            "no hay suficiente informacion",
            "informacion insuficiente",
            "no se menciona",
            "no se especifica",
            "no se indica",
        ],
        sources: &[
            "pasaje",
            "pasajes",
            "documento",
            "documentos",
            "contexto",
            "fuente",
            "fuentes",
            "texto",
            "textos",
            "fragmentos",
            "extractos",
            "informacion",
            "respuesta",
        ],
        negations: &["no", "ningun", "ninguna", "ninguno", "nada", "tampoco"],
        verbs: &[
            "contien",
            "mencion",
            "dice",
            "respond",
            "indic",
            "especific",
            "incluy",
            "proporcion",
            "ofrec",
            "encuentr",
            "aparec",
            "dan",
            "da",
        ],
        contrasts: &["pero", "sin embargo", "aunque", "sino", "excepto"],
        courtesies: &["lo siento", "lamentablemente", "por favor", "si desea", "si quiere"],
    },
    Phrases {
        whole: &[
            "non lo so",
            "non posso rispondere",
            "non e possibile rispondere",
            "non si puo rispondere",
            "nessuna informazione",
            "non ci sono informazioni",
            "informazioni insufficienti",
            "non viene menzionat",
            "non e indicat",
            "non e specificat",
            "non e menzionat",
        ],
        sources: &[
            "passaggio",
            "passaggi",
            "brano",
            "brani",
            "documento",
            "documenti",
            "contesto",
            "fonte",
            "fonti",
            "testo",
            "testi",
            "estratti",
            "informazioni",
            "risposta",
        ],
        negations: &["non", "nessun", "nessuna", "nessuno", "niente", "nulla"],
        verbs: &[
            "conten", "contien", "menzion", "dice", "dicono", "rispond", "indic", "specific", "includ",
            "fornisc", "trova", "riport", "present",
        ],
        contrasts: &["ma", "tuttavia", "pero", "comunque", "eccetto"],
        courtesies: &["mi dispiace", "purtroppo", "per favore", "se vuole", "se desidera"],
    },
    Phrases {
        whole: &[
            "ik weet het niet",
            "weet ik niet",
            "niet beantwoorden",
            "niet te beantwoorden",
            "niet beantwoord worden",
            "geen informatie",
            "geen antwoord",
            "onvoldoende informatie",
            "niet genoeg informatie",
        ],
        sources: &[
            "passage",
            "passages",
            "document",
            "documenten",
            "context",
            "bron",
            "bronnen",
            "tekst",
            "teksten",
            "fragmenten",
            "informatie",
            "antwoord",
        ],
        negations: &["niet", "geen", "niets", "nergens"],
        verbs: &[
            "bevat",
            "vermeld",
            "noem",
            "genoemd",
            "zegg",
            "zegt",
            "staat",
            "staan",
            "beantwoord",
            "geven",
            "geeft",
            "vind",
            "gevonden",
            "aangegeven",
        ],
        contrasts: &["maar", "echter", "hoewel", "toch", "behalve"],
        courtesies: &["sorry", "het spijt me", "helaas", "als u", "laat het me"],
    },
    // Norwegian, Danish and Swedish.
    Phrases {
        whole: &[
            "jeg vet ikke",
            "jeg ved det ikke",
            "jeg ved ikke",
            "jag vet inte",
            "kan ikke svare",
            "kan ikke besvares",
            "kan ikke besvare",
            "kan inte svara",
            "kan inte besvara",
            "ingen informasjon",
            "ingen information",
            "ingen oplysning",
            "ingen opplysning",
            "ikke nok informasjon",
            "ikke nok information",
            "inte tillrackligt med information",
            "ikke tilstrekkelig informasjon",
            "ikke tilstraekkelig information",
        ],
        sources: &[
            "passasje",
            "passasjer",
            "passasjene",
            "passage",
            "passager",
            "passagerne",
            "passagerna",
            "dokument",
            "dokumenter",
            "dokumentene",
            "dokumenterne",
            "dokumenten",
            "dokumentet",
            "avsnittene",
            "avsnitten",
            "konteksten",
            "kilde",
            "kilder",
            "kildene",
            "kilderne",
            "kalla",
            "kallor",
            "kallorna",
            "tekst",
            "teksten",
            "tekstene",
            "teksterne",
            "text",
            "texten",
            "texterna",
            "utdragene",
            "utdragen",
            "informasjonen",
            "informationen",
            "svaret",
        ],
        negations: &["ikke", "ingen", "intet", "inte", "inget", "ingenting", "inga"],
        verbs: &[
            "inneholder",
            "indeholder",
            "innehaller",
            "nevn",
            "naevn",
            "namn",
            "sier",
            "siger",
            "sager",
            "star",
            "svar",
            "besvar",
            "oppgi",
            "oplys",
            "ange",
            "angi",
            "finn",
            "find",
            "fremgar",
            "framgar",
            "beskriv",
        ],
        contrasts: &["men", "dog", "imidlertid", "derimot", "dock", "daremot"],
        courtesies: &[
            "beklager",
            "dessverre",
            "desvaerre",
            "tyvarr",
            "undskyld",
            "vennligst",
            "hvis du",
            "om du",
        ],
    },
    Phrases {
        whole: &[
            "nie wiem",
            "nie moge odpowiedziec",
            "nie mozna odpowiedziec",
            "nie da sie odpowiedziec",
            "brak informacji",
            "nie ma informacji",
            "brak odpowiedzi",
            "niewystarczajace informacje",
            "nie jestem w stanie odpowiedziec",
        ],
        sources: &[
            "fragment",
            "fragmenty",
            "fragmentach",
            "dokument",
            "dokumenty",
            "dokumentach",
            "dokumentow",
            "kontekst",
            "kontekscie",
            "zrodlo",
            "zrodla",
            "zrodlach",
            "tekst",
            "tekscie",
            "teksty",
            "pasaze",
            "informacje",
            "odpowiedzi",
            "odpowiedz",
        ],
        negations: &["nie", "brak", "zaden", "zadne", "nic"],
        verbs: &[
            "zawiera",
            "wspomina",
            "mowi",
            "podaj",
            "podano",
            "odpowiada",
            "okresla",
            "wskazuj",
            "znajduj",
            "znalaz",
            "ma",
            "opisuj",
        ],
        contrasts: &["ale", "jednak", "natomiast", "lecz", "choc"],
        courtesies: &["przepraszam", "niestety", "prosze", "jesli"],
    },
    Phrases {
        whole: &[
            "nao sei",
            "nao posso responder",
            "nao consigo responder",
            "nao e possivel responder",
            "nenhuma informacao",
            "nao ha informac",
            "informacoes insuficientes",
            "informacao insuficiente",
            "nao e mencionad",
            "nao esta mencionad",
            "nao e indicad",
            "nao e especificad",
        ],
        sources: &[
            "passagem",
            "passagens",
            "trecho",
            "trechos",
            "documento",
            "documentos",
            "contexto",
            "fonte",
            "fontes",
            "texto",
            "textos",
            "excertos",
            "informacoes",
            "resposta",
        ],
        negations: &["nao", "nenhum", "nenhuma", "nada"],
        verbs: &[
            "contem",
            "mencion",
            "dizem",
            "diz",
            "respond",
            "indic",
            "especific",
            "inclu",
            "fornec",
            "encontr",
            "apresent",
            "consta",
        ],
        contrasts: &["mas", "porem", "contudo", "no entanto", "todavia", "exceto"],
        courtesies: &["desculpe", "infelizmente", "lamento", "por favor", "se quiser"],
    },
    // Languages without spaces or with endings, by whole phrases alone.
    Phrases {
        whole: &[
            "没有提到",
            "没有提及",
            "未提及",
            "没有说明",
            "没有相关信息",
            "无法回答",
            "無法回答",
            "記載されていません",
            "記載がありません",
            "記載はありません",
            "答えられません",
            "わかりません",
            "не содержат",
            "не содержит",
            "не указано",
            "не упоминается",
            "не могу ответить",
            "нет информации",
        ],
        sources: &[],
        negations: &[],
        verbs: &[],
        contrasts: &["но", "однако", "但是", "しかし", "ただし"],
        courtesies: &["к сожалению", "извините", "抱歉", "申し訳"],
    },
];

/// Returns whether `text` as a whole says that the passages do not hold the answer: it is short, each of its sentences
/// abstains or is a courtesy, and none goes on to say something else.
pub(super) fn is_abstention(text: &str) -> bool {
    let text = fold(text);
    if text.split_whitespace().count() > MAX_WORDS {
        return false;
    }
    let sentences = text.split(['.', '!', '?', ';', '\n', '。', '！', '；']);
    let sentences: Vec<&str> = sentences.map(str::trim).filter(|sentence| !sentence.is_empty()).collect();
    LANGUAGES.iter().any(|phrases| {
        let sentences: Vec<&str> =
            sentences.iter().map(|sentence| phrases.after_courtesy(sentence)).collect();
        sentences.iter().any(|sentence| phrases.abstains(sentence))
            && sentences.iter().all(|sentence| phrases.abstains(sentence) || phrases.is_courtesy(sentence))
    })
}

impl Phrases {
    fn abstains(&self, sentence: &str) -> bool {
        let words: Vec<&str> = words(sentence).collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
        let spaced = format!(" {} ", words.join(" "));
        let has_phrase = |phrase: &str| {
            let phrase_words: Vec<&str> = self::words(phrase).collect();
            let is_unspaced = phrase.chars().all(|c| c >= '\u{3000}');
            spaced.contains(&format!(" {}", phrase_words.join(" ")))
                || (is_unspaced && sentence.contains(phrase))
        };
        let contrasts = self.contrasts.iter().any(|contrast| {
            words.contains(contrast)
                || ((contrast.contains(' ') || contrast.chars().all(|c| c >= '\u{3000}'))
                    && has_phrase(contrast))
        });
        let begins = || words.iter().any(|word| self.verbs.iter().any(|verb| word.starts_with(verb)));
        !contrasts
            && (self.whole.iter().any(|phrase| has_phrase(phrase))
                || (has(self.sources) && has(self.negations) && begins()))
    }

    /// Returns what follows a courtesy that opens a sentence, as in `I'm sorry, but …`.
    fn after_courtesy<'s>(&self, sentence: &'s str) -> &'s str {
        let opened = self.courtesies.iter().find(|courtesy| sentence.starts_with(*courtesy));
        let rest = opened
            .and_then(|courtesy| sentence.get(courtesy.len()..))
            .map(|rest| rest.trim_start_matches([',', ' ']));
        let follows = |rest: &'s str| {
            self.contrasts.iter().find_map(|contrast| rest.strip_prefix(contrast)).map(str::trim_start)
        };
        rest.and_then(follows).unwrap_or(sentence)
    }

    fn is_courtesy(&self, sentence: &str) -> bool {
        self.courtesies.iter().any(|courtesy| sentence.starts_with(courtesy))
    }
}

/// Splits a folded sentence at all but letters, digits and apostrophes; an elided `n'` or `d'` is a word of its own.
fn words(sentence: &str) -> impl Iterator<Item = &str> {
    sentence
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .flat_map(|word| match word.split_once('\'') {
            Some((elided, _)) if elided.len() == 1 => {
                let (elided, rest) = word.split_at(2.min(word.len()));
                [elided, rest]
            }
            Some(_) | None => [word, ""],
        })
        .filter(|word| !word.is_empty())
}

/// Returns `text` in lower case, with plain apostrophes, and without diacritics and marks of emphasis.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '’' | '‘' | 'ʼ' | '´' | '`' | '＇' => folded.push('\''),
            '*' | '_' | '#' | '>' | '"' | '“' | '”' | '„' | '«' | '»' | '\u{300}'..='\u{36f}' => {}
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => folded.push('a'),
            'ç' | 'ć' => folded.push('c'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ł' => folded.push('l'),
            'ñ' | 'ń' => folded.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => folded.push('o'),
            'ś' => folded.push('s'),
            'ù' | 'ú' | 'û' | 'ü' => folded.push('u'),
            'ź' | 'ż' => folded.push('z'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ß' => folded.push_str("ss"),
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abstentions_of_many_languages_are_recognised() {
        for text in [
            "I cannot answer that from the passages.",
            "The passages do not say.",
            "The passages don’t say who signed it.",
            "I don't know",
            "I’m sorry. The provided documents do not contain this information.",
            "Unfortunately, the context doesn't mention the annual fee. Please provide more documents.",
            "This is not stated in the passages.",
            "**The answer is not found in the provided text.**",
            "None of the passages mentions a salary.",
            "There is no information about 2024 in the documents.",
            "I can not answer this question.",
            "Die Passagen enthalten keine Antwort auf diese Frage.",
            "Das geht aus den Dokumenten nicht hervor.",
            "Leider lässt sich die Frage anhand der Texte nicht beantworten.",
            "In den Unterlagen wird das nicht erwähnt.",
            "Les passages ne contiennent pas la réponse.",
            "Je ne peux pas répondre à cette question.",
            "Le document n’indique pas le montant.",
            "Los pasajes no contienen la respuesta.",
            "No se menciona en los documentos.",
            "I passaggi non contengono la risposta.",
            "Il testo non lo specifica.",
            "De passages bevatten geen antwoord op deze vraag.",
            "Dat staat niet in de documenten.",
            "Passasjene inneholder ikke svaret.",
            "Dokumenterne nævner det ikke.",
            "Det framgår inte av texten.",
            "Texterna innehåller inte svaret på frågan.",
            "Fragmenty nie zawierają odpowiedzi.",
            "W dokumentach brak informacji na ten temat.",
            "Os trechos não contêm a resposta.",
            "As passagens não mencionam isso.",
            "I’m sorry, but the passages don’t say how long invoices are kept.",
            "Based on the passages, I can’t determine how long invoices are kept.",
            "Es tut mir leid, aber die Passagen enthalten diese Information nicht.",
            "Je suis désolé, mais les passages n’indiquent pas la durée.",
            "Je suis désolé, mais je n’ai pas trouvé cette information.",
            "Lo siento, pero los pasajes no dicen cuánto tiempo.",
            "No dispongo de esa información.",
            "Mi dispiace, ma il testo non lo specifica.",
            "Not stated.",
            "N/A",
            "文档中没有提到这一点。",
            "この文書には記載がありません。",
        ] {
            assert!(is_abstention(text), "{text}");
        }
    }

    #[test]
    fn claims_are_no_abstentions() {
        for text in [
            "Employees get 27 days.",
            "27 days.",
            "The passages do not say, but employees usually get 27 days.",
            "The passages do not mention a limit. Employees get 27 days.",
            "The contract does not include VAT.",
            "No, dogs must not enter.",
            "I'm sorry, but employees get 27 days only.",
            "Die Frist beträgt drei Monate.",
            "Die Passagen nennen keine Frist, aber üblich sind drei Monate.",
            "La durée est de dix ans.",
            "Men er det ikke sikkert.",
            "Nie wolno palić.",
            "",
        ] {
            assert!(!is_abstention(text), "{text}");
        }
        assert!(!is_abstention(&format!("The passages do not say {}.", "so ".repeat(MAX_WORDS))));
    }
}
