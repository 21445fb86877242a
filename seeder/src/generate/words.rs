//! Names from the crate `fake`, and texts in both languages.
//!
//! Only the lists of `fake` are used: how it chooses from them may change with a release of `rand`.

use entity::enums::{EmailTemplateType, LanguageCode, QuestionType};
use fake::locales::{Data, EN, IT_IT};

use super::random::{Stream, index};

/// The names and texts of a language.
#[derive(Debug)]
pub(super) struct Words {
    first_names: &'static [&'static str],
    last_names: &'static [&'static str],
    pub(super) companies: &'static [&'static str],
    pub(super) intro: &'static str,
    pub(super) consent: &'static [&'static str],
    pub(super) refusal: &'static [&'static str],
    pub(super) thanks: &'static str,
    pub(super) regret: &'static str,
    /// The names of the speakers.
    pub(super) speakers: [&'static str; 2],
    pub(super) surveys: &'static [Survey],
}

/// A questionnaire.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) questions: [Question; 3],
}

/// A question, and the answers to a question that asks for free text.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) r#type: QuestionType,
    pub(super) text: &'static str,
    pub(super) answers: &'static [&'static str],
}

const fn scale(text: &'static str) -> Question {
    Question { r#type: QuestionType::Scale, text, answers: &[] }
}

const fn numeric(text: &'static str) -> Question {
    Question { r#type: QuestionType::Numeric, text, answers: &[] }
}

const fn free_text(text: &'static str, answers: &'static [&'static str]) -> Question {
    Question { r#type: QuestionType::FreeText, text, answers }
}

impl Words {
    pub(super) fn of(language: LanguageCode) -> &'static Self {
        match language {
            LanguageCode::En => &ENGLISH,
            LanguageCode::It => &ITALIAN,
        }
    }

    /// The first and the last name of a person.
    pub(super) fn name(&self, person: u64) -> (&'static str, &'static str) {
        let of = |list: &[&'static str], number: u64| {
            let place = super::random::scale(number, super::random::count(list));
            list[index(place)].trim()
        };
        (of(self.first_names, person), of(self.last_names, person.rotate_left(32)))
    }
}

impl Question {
    /// What a person answers.
    pub(super) fn answer(&self, stream: &mut Stream) -> String {
        match self.r#type {
            QuestionType::FreeText => stream.pick(self.answers).to_owned(),
            QuestionType::Numeric => {
                let most = stream.weighted(&[(2, 60), (6, 30), (20, 10)]);
                stream.between(0, most).to_string()
            }
            QuestionType::Scale => {
                let marks =
                    [(10, 14), (9, 18), (8, 24), (7, 16), (6, 9), (5, 8), (4, 4), (3, 3), (2, 2), (1, 2)];
                stream.weighted(&marks).to_string()
            }
        }
    }
}

/// A part of an e-mail address: the letters and digits of a name.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The name, the subject and the text of an e-mail; the e-mail worker replaces the variables in double braces.
pub(super) fn email(
    r#type: EmailTemplateType,
    language: LanguageCode,
) -> (&'static str, &'static str, &'static str) {
    match (r#type, language) {
        (EmailTemplateType::Completed, LanguageCode::En) => (
            "Survey Completed - EN",
            "Thank you for completing the {{campaign_name}} survey",
            "Dear {{contact_name}},\n\nthank you for taking part in our survey \"{{campaign_name}}\".\nYour answers \
             help us to improve our service.\n",
        ),
        (EmailTemplateType::Refused, LanguageCode::En) => (
            "Survey Refused - EN",
            "We respect your decision",
            "Dear {{contact_name}},\n\nyou chose not to take part in our survey. We respect that and will not call you \
             about it again.\n",
        ),
        (EmailTemplateType::NotReached, LanguageCode::En) => (
            "Not Reached - EN",
            "We tried to reach you",
            "Dear {{contact_name}},\n\nwe tried to call you for a short survey, but could not reach you.\nThere is \
             nothing you need to do.\n",
        ),
        (EmailTemplateType::Completed, LanguageCode::It) => (
            "Survey Completed - IT",
            "Grazie per aver completato il sondaggio {{campaign_name}}",
            "Gentile {{contact_name}},\n\ngrazie per aver partecipato al nostro sondaggio \"{{campaign_name}}\".\nLe sue \
             risposte ci aiutano a migliorare il nostro servizio.\n",
        ),
        (EmailTemplateType::Refused, LanguageCode::It) => (
            "Survey Refused - IT",
            "Rispettiamo la sua decisione",
            "Gentile {{contact_name}},\n\nha scelto di non partecipare al nostro sondaggio. Rispettiamo la sua decisione \
             e non la chiameremo di nuovo.\n",
        ),
        (EmailTemplateType::NotReached, LanguageCode::It) => (
            "Not Reached - IT",
            "Abbiamo provato a contattarla",
            "Gentile {{contact_name}},\n\nabbiamo provato a chiamarla per un breve sondaggio, senza riuscire a \
             raggiungerla.\nNon deve fare nulla.\n",
        ),
    }
}

static ENGLISH: Words = Words {
    first_names: EN::NAME_FIRST_NAME,
    last_names: EN::NAME_LAST_NAME,
    companies: &["Energy", "Telecom", "Insurance", "Health", "Retail", "Mobility", "Bank", "Travel"],
    intro: "Hello, this is an automated call. We would like to ask you three short questions. It takes about two \
            minutes, and the call is recorded. Do you agree to take part?",
    consent: &["Yes.", "Yes, go ahead.", "Sure, if it is quick.", "All right.", "OK, I have two minutes."],
    refusal: &[
        "No, thank you.",
        "I am not interested.",
        "Please do not call me about this.",
        "I have no time for this.",
    ],
    thanks: "Thank you very much for your time. Goodbye.",
    regret: "I understand. We will not call you about this survey again. Goodbye.",
    speakers: ["Agent", "Contact"],
    surveys: &[
        Survey {
            name: "Customer Satisfaction Survey",
            description: "How satisfied customers are with the service.",
            questions: [
                scale("On a scale from 1 to 10, how satisfied are you with our service?"),
                free_text(
                    "What could we do better?",
                    &[
                        "Shorter waiting times on the phone.",
                        "Nothing, I am happy with it.",
                        "The invoices are hard to read.",
                        "Answer e-mails faster.",
                        "It is too expensive compared with others.",
                        "The app should show what I have ordered.",
                        "I would like one person who knows my case.",
                        "Opening hours in the evening.",
                    ],
                ),
                numeric("How many times did you contact our support in the last three months?"),
            ],
        },
        Survey {
            name: "Product Feedback",
            description: "Which functions of the product are used, and by whom.",
            questions: [
                scale("On a scale from 1 to 10, how likely are you to recommend the product to a friend?"),
                numeric("How many people in your household use it?"),
                free_text(
                    "Which function do you use most?",
                    &[
                        "The reminders.",
                        "Mostly the monthly overview.",
                        "Payments, and nothing else.",
                        "I share the calendar with my family.",
                        "The search.",
                        "I only use it when I travel.",
                    ],
                ),
            ],
        },
        Survey {
            name: "Appointment Follow-up",
            description: "How the last visit of a technician went.",
            questions: [
                numeric("How many days did you wait for the appointment?"),
                scale("On a scale from 1 to 10, how well was your problem solved?"),
                free_text(
                    "Is there anything that you would like to add?",
                    &[
                        "No, everything was fine.",
                        "The technician was very friendly.",
                        "Nobody told me that he would be late.",
                        "It took two visits to repair it.",
                        "Please call before you come.",
                    ],
                ),
            ],
        },
    ],
};

static ITALIAN: Words = Words {
    first_names: IT_IT::NAME_FIRST_NAME,
    last_names: IT_IT::NAME_LAST_NAME,
    companies: &[
        "Energia",
        "Telefonia",
        "Assicurazioni",
        "Salute",
        "Commercio",
        "Trasporti",
        "Banca",
        "Viaggi",
    ],
    intro: "Buongiorno, questa è una chiamata automatica. Vorremmo porle tre brevi domande. Ci vogliono circa due \
            minuti e la chiamata viene registrata. È d'accordo a partecipare?",
    consent: &["Sì.", "Sì, prego.", "Va bene, se è una cosa veloce.", "D'accordo.", "Sì, ho due minuti."],
    refusal: &[
        "No, grazie.",
        "Non mi interessa.",
        "Per favore, non mi chiami più per questo.",
        "Non ho tempo.",
    ],
    thanks: "Grazie mille per il suo tempo. Arrivederci.",
    regret: "Capisco. Non la chiameremo più per questo sondaggio. Arrivederci.",
    speakers: ["Agente", "Contatto"],
    surveys: &[
        Survey {
            name: "Indagine sulla soddisfazione dei clienti",
            description: "Quanto sono soddisfatti i clienti del servizio.",
            questions: [
                scale("Su una scala da 1 a 10, quanto è soddisfatto del nostro servizio?"),
                free_text(
                    "Che cosa potremmo fare meglio?",
                    &[
                        "Meno attesa al telefono.",
                        "Niente, va bene così.",
                        "Le fatture sono difficili da leggere.",
                        "Rispondere più in fretta alle e-mail.",
                        "Costa troppo rispetto agli altri.",
                        "L'app dovrebbe mostrare che cosa ho ordinato.",
                        "Vorrei parlare sempre con la stessa persona.",
                    ],
                ),
                numeric("Quante volte ha contattato l'assistenza negli ultimi tre mesi?"),
            ],
        },
        Survey {
            name: "Opinioni sul prodotto",
            description: "Quali funzioni del prodotto vengono usate, e da chi.",
            questions: [
                scale("Su una scala da 1 a 10, quanto è probabile che consigli il prodotto a un amico?"),
                numeric("Quante persone lo usano nella sua famiglia?"),
                free_text(
                    "Quale funzione usa di più?",
                    &[
                        "I promemoria.",
                        "Soprattutto il riepilogo mensile.",
                        "I pagamenti, e nient'altro.",
                        "Condivido il calendario con la famiglia.",
                        "La ricerca.",
                    ],
                ),
            ],
        },
        Survey {
            name: "Dopo l'appuntamento",
            description: "Come è andata l'ultima visita del tecnico.",
            questions: [
                numeric("Quanti giorni ha aspettato l'appuntamento?"),
                scale("Su una scala da 1 a 10, quanto bene è stato risolto il suo problema?"),
                free_text(
                    "C'è qualcosa che vorrebbe aggiungere?",
                    &[
                        "No, è andato tutto bene.",
                        "Il tecnico è stato molto gentile.",
                        "Nessuno mi ha detto che avrebbe fatto tardi.",
                        "Ci sono volute due visite.",
                        "Per favore, chiamate prima di venire.",
                    ],
                ),
            ],
        },
    ],
};
