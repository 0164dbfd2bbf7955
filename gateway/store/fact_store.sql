-- Facts the core needs of those in a batch; the county's whole does not fit into its memory.

-- name: profiles
SELECT subject, body::text AS body FROM core.profile WHERE subject = ANY ($1::text[]);

-- name: synthetic
SELECT subject FROM core.profile WHERE (body ->> 'synthetic')::boolean;

-- name: bindings
SELECT device, user_slot, subject, valid_from, valid_to FROM core.binding
WHERE device = ANY ($1::text[]) ORDER BY binding_id;

-- name: is_known
SELECT EXISTS (SELECT FROM core.profile WHERE subject = $1);

-- name: is_worn
SELECT EXISTS (SELECT FROM core.binding WHERE device = $1);
