//! Text comparison of a search (contract §8): texts are folded, so that case, accents and letter forms do not matter, and matched
//! piece by piece.

use std::borrow::Cow;

use caseless::Caseless as _;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization as _;

use crate::views::lists::SEARCH_MAX;

/// The length, in characters, from which a piece matches anywhere. A shorter piece matches only at the start of a word.
pub const ANYWHERE_MIN: usize = 3;

/// Folds a text: NFKD, without characters of category Mn, full case folding, and plain letters for Latin letters that have no
/// decomposition. Folding is idempotent.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == 0) {
            return Cow::Owned(text.to_ascii_lowercase().replace('\0', "\u{fffd}"));
        }
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    let unmarked = text
        .nfkd()
        .filter(|letter| get_general_category(*letter) != GeneralCategory::NonspacingMark);
    for letter in unmarked.default_case_fold() {
        match letter {
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ı' => folded.push('i'),
            // The search index reads a text only up to its first NUL.
            '\0' => folded.push('\u{fffd}'),
            letter => folded.push(letter),
        }
    }
    Cow::Owned(folded)
}

/// Whether a character is a letter or a number, by category. A word starts at one that does not follow another.
fn is_of_word(letter: char) -> bool {
    use GeneralCategory as C;
    matches!(
        get_general_category(letter),
        C::UppercaseLetter
            | C::LowercaseLetter
            | C::TitlecaseLetter
            | C::ModifierLetter
            | C::OtherLetter
            | C::DecimalNumber
            | C::LetterNumber
            | C::OtherNumber
    )
}

/// A search text as pieces of folded text. A row matches if each piece is in one of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces(Vec<String>);

/// A search text is longer than [`SEARCH_MAX`] characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the search text is too long; use at most {SEARCH_MAX} characters")]
pub struct TooLong;

impl Pieces {
    /// Folds a text and splits it at white space. `None` if the text is empty.
    pub fn of(text: &str) -> Result<Option<Self>, TooLong> {
        let text = text.trim();
        if text.chars().count() > SEARCH_MAX {
            return Err(TooLong);
        }
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self(fold(text).split_whitespace().map(str::to_owned).collect())))
    }

    /// Parses the result of [`Self::joined`].
    pub fn parse(joined: &str) -> Self {
        Self(
            joined
                .split('\n')
                .filter(|piece| !piece.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// The pieces as one text, separated by line ends. No piece contains a line end.
    pub fn joined(&self) -> String {
        self.0.join("\n")
    }

    /// The pieces that match anywhere in a text.
    pub fn long(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .map(String::as_str)
            .filter(|piece| piece.chars().count() >= ANYWHERE_MIN)
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is left of the text after folding. Such a search matches nothing.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every piece is in one of these texts. The texts are folded here.
    pub fn are_in<'a>(&self, fields: impl Iterator<Item = &'a str>) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut found = vec![false; self.0.len()];
        for field in fields {
            let field = fold(field);
            for (found, piece) in found.iter_mut().zip(&self.0) {
                *found = *found || is_in(piece, &field);
            }
            if found.iter().all(|found| *found) {
                return true;
            }
        }
        false
    }
}

/// Whether a piece is in a folded text: anywhere, or only at the start of a word if the piece is short.
fn is_in(piece: &str, folded: &str) -> bool {
    if piece.chars().count() >= ANYWHERE_MIN {
        return folded.contains(piece);
    }
    let mut from = 0;
    while let Some(at) = folded[from..].find(piece) {
        let at = from + at;
        if folded[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !is_of_word(before))
        {
            return true;
        }
        from = at + folded[at..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(query: &str, fields: &[&str]) -> bool {
        let pieces = Pieces::of(query).unwrap().unwrap();
        pieces.are_in(fields.iter().copied())
    }

    /// Texts of several scripts that are equal when folded.
    const PAIRS: [(&str, &str); 26] = [
        ("Müller", "MULLER"),
        ("Groß", "gross"),
        ("GROẞ", "groß"),
        ("Łukasz Żółć", "lukasz zolc"),
        ("Søren Ærø", "soren aero"),
        ("Þórður", "thordur"),
        ("Đặng Thị", "dang thi"),
        ("Œuvre", "oeuvre"),
        ("ISTANBUL İğdır", "istanbul igdir"),
        ("ﬁnance", "FINANCE"),
        ("Ｗ－１", "w-1"),
        ("Ⅷ", "viii"),
        ("Zoë", "Zoe\u{308}"),
        ("ΣΊΣΥΦΟΣ", "σισυφος"),
        ("Όλγα", "ολγα"),
        ("ᾳ", "α"),
        ("ЁЛКА", "елка"),
        ("Й", "и"),
        ("Чайковский", "чаиковскии"),
        ("مُحَمَّد", "محمد"),
        ("أحمد", "احمد"),
        ("שָׁלוֹם", "שלום"),
        ("ガギグ", "カキク"),
        ("ﾊﾝｶｸ", "ハンカク"),
        ("각", "각"),
        ("Ǆ", "dz"),
    ];

    #[test]
    fn letters_fold_in_five_scripts() {
        for (one, other) in PAIRS {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in [("mueller", "müller"), ("木村", "木材"), ("o", "ö̈x"), ("Иван", "Іван")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn short_pieces_match_at_word_starts_and_long_ones_anywhere() {
        assert!(finds("Li", &["Li Wei"]) && finds("wei li", &["Li Wei"]) && finds("王伟", &["王伟明"]));
        assert!(!finds("Li", &["Ali Wei"]) && !finds("伟", &["王伟"]));
        assert!(finds("li", &["Ali-Li"]) && finds("7", &["R-7"]) && finds("-7", &["R -7"]) && !finds("7", &["R17"]));
        assert!(finds("R-7", &["xxr-71"]) && finds("mül", &["Schmuller"]));
        assert!(finds("anna 9.9", &["C-9.9", "Anna"]) && !finds("anna 9.9", &["C-99", "Anna"]));
        assert!(
            !finds("ann na", &["Anna"]),
            "the second piece is not at the start of a word"
        );
    }

    #[test]
    fn operators_are_plain_text() {
        for text in [
            "\"", "a\"b", "*", "an*", "NEAR", "a%b", "___", "-anna", "ids:x", "(", "a OR b", "'; --",
        ] {
            assert!(!finds(text, &["anna", "W-1"]), "{text}");
            assert!(finds(text, &[text]), "{text}");
        }
        assert!(!finds("\u{301}", &["e\u{301}", ""]), "nothing is left after folding");
        assert_eq!(Pieces::of(" \u{a0}\t"), Ok(None));
        assert_eq!(Pieces::of(&"é".repeat(SEARCH_MAX + 1)), Err(TooLong));
    }

    proptest! {
        #[test]
        fn folding_is_idempotent_and_a_text_finds_itself(text in "\\PC{1,40}", around in "[a-z ]{0,3}") {
            let folded = fold(&text).into_owned();
            prop_assert_eq!(fold(&folded).into_owned(), folded.clone());
            if let Some(pieces) = Pieces::of(&text).unwrap() {
                prop_assert_eq!(pieces.are_in([&*text].into_iter()), !pieces.is_empty());
                prop_assert_eq!(Pieces::parse(&pieces.joined()), pieces.clone());
                let within = format!("{around}{text}{around}");
                let long = pieces.long().count() == pieces.0.len();
                prop_assert!(!long || pieces.is_empty() || pieces.are_in([&*within].into_iter()) || text.starts_with(|c: char| !c.is_ascii()));
            }
        }
    }
}
