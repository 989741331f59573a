//! Neighbouring facts in five languages: names, modifiers, kinds of answers and cells of a row that do not fit.

use super::{Extractive, pieces, request, said};

/// Asks each question over `passages`; the answer holds the words beside it, and without words there is none.
#[track_caller]
fn check(passages: &[&str], questions: &[(&str, Option<&str>)]) {
    for (question, expected) in questions {
        let answer = said(&pieces(Extractive::default(), request(question, passages)));
        match expected {
            Some(words) => assert!(answer.contains(words), "{question} {answer}"),
            None => assert_eq!(answer, "", "{question}"),
        }
    }
}

#[test]
fn of_english() {
    let passages = [
        "The Berlin office opened in March 2019. The contract with Acme ends on 30 June 2027. Employees get 27 days of paid \
         leave a year. The minimum order is 40 pieces. The warranty does not cover batteries.",
        "Note 13335. The part number is PN-13335. It costs 55 euros and lies on shelf 5.",
        "| machine | operator | power |\n|---|---|---|\n| D2 | Greta Lund | 30 |\n| F9 | | 45 |",
        "Dogs are not allowed in the hall.",
    ];
    check(
        &passages,
        &[
            ("When did the Berlin office open?", Some("2019")),
            ("When did the Paris office open?", None),
            ("when did the paris office open", None),
            ("When did the Berlin office close?", None),
            ("Why did the Berlin office open?", None),
            ("When does the contract with Bolt end?", None),
            ("Who signed the contract with Acme?", None),
            ("How many days of unpaid leave do employees get?", None),
            ("How many days of leave do employees get?", Some("27")),
            ("What is the maximum order?", None),
            ("What does the warranty cover?", None),
            ("What does the warranty not cover?", Some("batteries")),
            ("What does PN-13335 cost?", Some("55 euros")),
            ("How much does PN-13336 cost?", None),
            ("Who is the operator of D2?", Some("Greta")),
            ("Who is the operator of F9?", None),
            ("Are dogs allowed in the hall?", Some("not allowed")),
        ],
    );
}

#[test]
fn a_fact_of_the_same_year_is_no_answer() {
    let passages = ["There were 20,000 bottles of water delivered on 23 January 2023."];
    check(
        &passages,
        &[
            ("What was the meal allowance for interns in 2023?", None),
            ("What was delivered on 23 January 2023?", Some("bottles")),
            ("What happened in January 2023?", Some("bottles")),
        ],
    );
}

#[test]
fn leave_without_pay_is_unpaid_leave() {
    let passages = ["Employees receive 28 days of paid leave. Parents may take 12 weeks of unpaid leave."];
    let asked = said(&pieces(
        Extractive::default(),
        request("How long can a parent take leave without pay?", &passages),
    ));
    assert!(asked.contains("12 weeks") && !asked.contains("28 days"), "{asked}");
}

#[test]
fn of_german() {
    let passages = [
        "Das Büro in Berlin wurde im März 2019 eröffnet. Der Vertrag mit Acme endet am 30. Juni 2027. Beschäftigte erhalten 27 \
         Tage bezahlten Urlaub im Jahr. Die Mindestbestellmenge beträgt 40 Stück.",
        "| Anlage | Bediener | Leistung |\n|---|---|---|\n| D2 | Greta Lund | 30 |\n| F9 | | 45 |",
    ];
    check(
        &passages,
        &[
            ("Wann wurde das Büro in Berlin eröffnet?", Some("2019")),
            ("Wann wurde das Büro in Paris eröffnet?", None),
            ("Wann endet der Vertrag mit Acme?", Some("2027")),
            ("Wann endet der Vertrag mit Bolt?", None),
            ("Wer hat den Vertrag mit Acme unterschrieben?", None),
            ("Wie viele Tage unbezahlten Urlaub gibt es?", None),
            ("Wie hoch ist die Höchstbestellmenge?", None),
            ("Wer ist der Bediener der Anlage D2?", Some("Greta")),
            ("Wer ist der Bediener der Anlage F9?", None),
        ],
    );
}

#[test]
fn of_french() {
    let passages = [
        "Le bureau de Berlin a ouvert en mars 2019. Les salariés ont droit à 27 jours de congés payés par an. La commande \
         minimale est de 40 pièces.",
        "Le 23 janvier 2023, 20 000 bouteilles d'eau et 200 ordinateurs portables ont été livrés.",
        "La référence de la pièce est PN-13335. Elle coûte 55 euros et se trouve sur l'étagère 5.",
    ];
    check(
        &passages,
        &[
            ("Quand le bureau de Paris a-t-il ouvert ?", None),
            ("Pourquoi le bureau de Berlin a-t-il ouvert ?", None),
            ("Combien de jours de congés payés ont les salariés ?", Some("27")),
            ("Combien de jours de congés sans solde ont les salariés ?", None),
            ("Quelle est la commande maximale ?", None),
            ("Combien d'ordinateurs portables ont été livrés le 23 janvier 2023 ?", Some("200")),
            ("Combien de tentes ont été livrées le 23 janvier 2023 ?", None),
            ("Combien coûte PN-13335 ?", Some("55 euros")),
            ("Combien coûte PN-13336 ?", None),
        ],
    );
}

#[test]
fn of_spanish() {
    let passages = [
        "La oficina de Berlín abrió en marzo de 2019. Los empleados tienen 27 días de vacaciones pagadas al año. El \
         pedido mínimo es de 40 piezas. El contrato con Acme termina el 30 de junio de 2027.",
    ];
    check(
        &passages,
        &[
            ("¿Cuándo abrió la oficina de París?", None),
            ("¿Por qué abrió la oficina de Berlín?", None),
            ("¿Quién firmó el contrato con Acme?", None),
            ("¿Cuántos días de vacaciones pagadas tienen los empleados?", Some("27")),
            ("¿Cuántos días de vacaciones no pagadas tienen los empleados?", None),
            ("¿Cuál es el pedido máximo?", None),
        ],
    );
}

#[test]
fn of_italian() {
    let passages = [
        "L'ufficio di Berlino ha aperto nel marzo 2019. I dipendenti hanno diritto a 27 giorni di ferie retribuite \
         all'anno. L'ordine minimo è di 40 pezzi. Il contratto con Acme scade il 30 giugno 2027.",
    ];
    check(
        &passages,
        &[
            ("Quando ha aperto l'ufficio di Parigi?", None),
            ("Perché ha aperto l'ufficio di Berlino?", None),
            ("Quando scade il contratto con Acme?", Some("2027")),
            ("Chi ha firmato il contratto con Acme?", None),
            ("Quanti giorni di ferie retribuite hanno i dipendenti?", Some("27")),
            ("Quanti giorni di ferie non retribuite hanno i dipendenti?", None),
            ("Qual è l'ordine massimo?", None),
        ],
    );
}
