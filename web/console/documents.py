"""Files on record: which kinds a form offers, and reading one."""

# Kinds of document that forms offer; what a case lacks is asked for by the policy's own codes.
DOCUMENTS = (
    "business_license",
    "articles_of_association",
    "statements",
    "purchase_contract",
    "board_resolution",
    "guarantee",
    "other",
)
