//! The names, currencies, articles and actors of the demo ledger. Some names are long or in other scripts, because real
//! names are.

pub const FIRST: [&str; 20] = [
    "Amara",
    "Björn",
    "Chloé",
    "Dmitri",
    "Eun-ji",
    "Fatima",
    "Giorgos",
    "Hanako",
    "Ines",
    "João",
    "Katarzyna",
    "Lars",
    "Mehmet",
    "Nguyễn",
    "Oluwaseun",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Zoë",
];

pub const LAST: [&str; 20] = [
    "Andersson",
    "Bianchi",
    "Chen",
    "Dubois",
    "Eriksen",
    "Fernández",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "López",
    "Müller",
    "Nakamura",
    "O’Brien",
    "Papadopoulos",
    "Quispe",
    "Rossi",
    "Šimek",
    "Łukasiewicz",
];

pub const UNUSUAL: [&str; 8] = [
    "東京 花子",
    "محمد الأحمد",
    "Ελένη Παπαδοπούλου",
    "Мария Ивановна Соколова",
    "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh of the Upper Valley Trading and Shipping Company",
    "X",
    "Renée 🎈 Party Supplies",
    "Llanfairpwllgwyngyll Community Allotment Society (Gardening Committee, Seeds and Bulbs)",
];

/// A currency, its share in percent, and the minor units of a small price in it.
pub const CURRENCIES: [(&str, u64, i128); 6] = [
    ("EUR", 52, 190),
    ("USD", 18, 210),
    ("GBP", 14, 170),
    ("JPY", 8, 300),
    ("KWD", 4, 650),
    ("CHF", 4, 200),
];

/// Article number, title, and price as a multiple of the small price.
pub const ARTICLES: [(&str, &str, i128); 12] = [
    ("TEA-01", "Green tea, 100 g", 4),
    ("TEA-02", "Earl Grey, 250 g", 7),
    ("MUG-11", "Stoneware mug", 8),
    ("POT-03", "Teapot, cast iron", 31),
    ("BK-210", "Notebook, dotted", 5),
    ("BK-377", "Cookbook “Slow Sundays”", 17),
    ("LMP-40", "Desk lamp", 28),
    ("BAG-08", "Canvas bag", 11),
    ("KIT-55", "Bread baking kit", 22),
    ("CND-02", "Beeswax candles, pair", 6),
    ("BLK-90", "Wool blanket", 46),
    ("GFT-25", "Gift box, assorted", 14),
];

pub const FINANCE: [&str; 3] = ["finance:m.okafor", "finance:s.lindqvist", "finance:r.tanaka"];
pub const SUPPORT: [&str; 2] = ["support:j.moreau", "support:a.haddad"];
pub const FAILURES: [&str; 4] = [
    "account_closed",
    "insufficient_provider_funds",
    "provider_timeout",
    "card_expired",
];
pub const REASONS: [&str; 6] = [
    "return",
    "customer_request",
    "not_received",
    "billing_error",
    "duplicate",
    "goodwill",
];
