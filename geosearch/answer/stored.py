"""Names of the snapshot fields that answers show.

`indexing.payload` stores them and `service.answers` documents them. `snapshot.tables` has their
types.
"""

MERCHANT_FIELDS = (
    *("merchant_id", "name", "branch_name", "aliases", "brand", "categories", "address", "city"),
    *("district", "business_area", "time_zone", "country", "opening_hours", "business_status"),
    *("rating", "rating_count", "avg_price", "redemptions_ok", "redemptions_failed", "tags"),
    *("phone", "url", "image_url", "updated_at"),
)
DEAL_FIELDS = (
    *("deal_id", "program_id", "offer_type", "title", "terms", "url", "source", "redemption"),
    *("percent", "amount", "price", "list_price", "face_value", "min_spend", "max_discount"),
    *("max_uses", "party_min", "party_max", "valid_from", "valid_through", "use_hours"),
    *("new_customer_only", "stack_group", "stock", "verified_at"),
)
PROGRAM_FIELDS = (
    *("program_id", "name", "kind", "status", "fee", "valid_from", "valid_through"),
    *("how_to_redeem", "url"),
)

ALWAYS = frozenset({"categories", "address", "rating", "program_id", "title", "redemption"})
"""Fields that every answer has, as null or an empty list without a value."""
