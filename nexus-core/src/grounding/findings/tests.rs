//! Tables of values that a source holds in another way, and of values that it does not hold.

use proptest::prelude::*;

use super::*;
use crate::grounding::tests::evidence;

#[track_caller]
fn check(claim: &str, source: &str, expected: &[&str]) {
    let shown = evidence(source);
    let found: Vec<String> =
        missing_values(claim, &[&shown]).into_iter().map(|finding| finding.value).collect();
    assert_eq!(found, expected, "{claim:?} from {source:?}");
}

#[test]
fn the_same_value_in_another_form_is_no_finding() {
    for (claim, source) in [
        ("Employees get 25 days.", "There are 25 days of leave."),
        ("Employees get 25 days.", "There are twenty-five days of leave."),
        ("Employees get six months.", "It lasts 6 months."),
        ("Es sind 25 Tage.", "Es gibt fünfundzwanzig Tage Urlaub."),
        ("The price is $1,234.50.", "Price: 1234.5"),
        ("The price is 1.234,50 €.", "Price: 1,234.50 EUR"),
        ("It costs 10,000 euros.", "It costs 10 000 euros."),
        ("It costs 10 000 euros.", "It costs 10.000 euros."),
        ("It costs 1.2 million.", "It costs 1,200,000."),
        ("The fee is 7.5%.", "The fee is 0.075."),
        ("The fee is 7.5 percent.", "The fee is 7,5 %."),
        ("It lasts 24 months.", "It lasts two years."),
        ("It lasts 14 days.", "It lasts two weeks."),
        ("It is 5 km away.", "It is 5km away."),
        ("It happened on 4 June 2024.", "Date: 2024-06-04"),
        ("It happened on June 4, 2024.", "Datum: 04.06.2024"),
        ("It happened on 2024-06-04.", "It happened on 4 June 2024."),
        ("Am 4. Juni 2024 war es.", "It happened on June 4th, 2024."),
        ("It happened in 2024.", "Datum: 04.06.2024"),
        ("It happened in June 2024.", "Date: 2024-06-04"),
        ("It happened on 4 June.", "It happened on 4 June 2024."),
        ("On 06/04/2024 it happened.", "It happened on 4 June 2024."),
        ("About 1,200 people came.", "1,234 people came."),
        ("There are 3 rules.", "Dogs bark. Cats purr. Birds sing."),
        ("The code is KX-5520-ZP.", "Code KX 5520 ZP"),
        ("Version 14.2.1.0 is meant.", "See 14.2.1.0 for more."),
        ("It takes 30 working days.", "It takes 30 days."),
        ("The report names Ingrid Solheim.", "Ingrid Solheim is the director."),
        ("The German rules apply.", "The rules of Germany apply."),
        (
            "The rules of the World Health Organization apply to the WHO.",
            "The World Health Organization has rules.",
        ),
        ("Die Frist beträgt drei Monate und gilt für Mitarbeiter.", "The period is three months."),
        ("Leave: Employees get 25 days.", "Employees get 25 days."),
        ("It opens at 14:30.", "It opens at 2:30 pm."),
        ("The 2nd floor is closed.", "The floor 2 is closed."),
    ] {
        check(claim, source, &[]);
    }
}

#[test]
fn a_value_that_the_source_does_not_hold_is_a_finding() {
    for (claim, source, expected) in [
        ("Employees get 99 days.", "Employees get 27 days.", &["99 days"][..]),
        ("Employees get 27 weeks.", "Employees get 27 days.", &["27 weeks"]),
        ("Tenders are kept for ten years.", "Tenders are kept for four years.", &["ten years"]),
        ("It costs 165 euros.", "It costs 110 euros.", &["165 euros"]),
        ("It costs 110 dollars.", "It costs 110 euros.", &["110 dollars"]),
        ("The fee is 8%.", "The fee is 7.5%.", &["8%"]),
        ("It happened in 2025.", "It happened in 2024.", &["2025"]),
        ("It happened on 5 June 2024.", "It happened on 4 June 2024.", &["5 June 2024"]),
        ("It happened on 2023-06-04.", "It happened on 4 June 2024.", &["2023-06-04"]),
        ("It happened in May 2024.", "It happened in June 2024.", &["May 2024"]),
        ("The code is KX99.", "The code is KX55.", &["KX99"]),
        (
            "The director is Wilhelmina Ostergaard.",
            "The director is Ingrid Solheim.",
            &["Wilhelmina", "Ostergaard"],
        ),
        ("They get 99 days and 99 days.", "They get 27 days.", &["99 days"]),
    ] {
        check(claim, source, expected);
    }
}

proptest! {
    #[test]
    fn a_sentence_of_the_source_has_no_findings(source in "([A-Z][a-z]{1,8}|[0-9]{1,5}|[ .,:-]|20[0-9]{2}-0[1-9]-1[0-9]|%|€){1,40}") {
        check(&source, &source, &[]);
    }

    #[test]
    fn a_number_is_found_however_its_thousands_are_written(number in 1_000_u32..9_999_999) {
        let mut groups = Vec::new();
        let mut rest = number;
        while rest > 0 {
            groups.insert(0, if rest >= 1_000 { format!("{:03}", rest % 1_000) } else { rest.to_string() });
            rest /= 1_000;
        }
        for separator in [",", ".", "'", "\u{a0}", " "] {
            check(&format!("They are {}.", groups.join(separator)), &format!("There are {number} of them."), &[]);
            check(&format!("They are {number}."), &format!("There are {} of them.", groups.join(separator)), &[]);
        }
        let missing = (number + 1).to_string();
        check(&format!("They are {missing}."), &format!("There are {number} of them."), &[&missing]);
    }

    #[test]
    fn no_text_is_too_odd(claim in "\\PC{0,60}", source in "\\PC{0,60}") {
        let shown = evidence(&source);
        missing_values(&claim, &[&shown]);
    }
}
