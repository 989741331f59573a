//! Descriptions of images: those that a person wrote are text of the document.

/// Sentences by which office programs mark a content that they recognised, in the languages of their users. Some add
/// how sure they are.
const RECOGNISED: [&str; 19] = [
    "description automatically generated",
    "automatically generated description",
    "description generated automatically",
    "ai-generated content may be incorrect",
    "automatisch generierte beschreibung",
    "ki-generierte inhalte können fehlerhaft sein",
    "description générée automatiquement",
    "le contenu généré par l'ia peut être incorrect",
    "descripción generada automáticamente",
    "el contenido generado por ia puede ser incorrecto",
    "descrizione generata automaticamente",
    "il contenuto generato dall'ia potrebbe non essere corretto",
    "automatisch gegenereerde beschrijving",
    "door ai gegenereerde inhoud is mogelijk onjuist",
    "descrição gerada automaticamente",
    "o conteúdo gerado por ia pode estar incorreto",
    "автоматически созданное описание",
    "自动生成的说明",
    "自動的に生成された説明",
];

/// Endings of names of image files.
const FILES: [&str; 12] =
    [".avif", ".bmp", ".emf", ".gif", ".heic", ".jpeg", ".jpg", ".png", ".svg", ".tiff", ".webp", ".wmf"];

/// Descriptions that tell no more than that there is an image.
const KINDS: [&str; 5] = ["figure", "graphic", "image", "photo", "picture"];

/// Returns the description of an image, or nothing if a program made it: the name of a file, a recognised content, or
/// the kind of thing that it is.
pub(in super::super) fn described(description: &str) -> &str {
    let text = description.trim();
    let folded = text.to_lowercase().replace('’', "'");
    let is_file = FILES.iter().any(|ending| folded.ends_with(ending)) && !text.contains(char::is_whitespace);
    let is_recognised = RECOGNISED.iter().any(|mark| folded.contains(mark));
    if is_file || is_recognised || KINDS.contains(&folded.as_str()) { "" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_programs_are_none() {
        for made in [
            "A duck\n\nDescription automatically generated",
            "A picture containing text  Description automatically generated with medium confidence",
            "Un canard, le contenu généré par l’IA peut être incorrect.",
            "mourinho.jpg",
            "Image",
            "photos/IMG_2.PNG",
        ] {
            assert_eq!(described(made), "", "{made}");
        }
        for written in ["A red bus", "Plan 2024-03", "The logo of example.png", "berth_nine"] {
            assert_eq!(described(written), written);
        }
    }
}
