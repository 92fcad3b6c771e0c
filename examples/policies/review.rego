package signature

default allow = false

allow {
    input.predicateType == "https://example.com/review/v1"
    input.predicate.approved == true
    not by_author
}

by_author {
    input.predicate.reviewer == input.predicate.author
}
