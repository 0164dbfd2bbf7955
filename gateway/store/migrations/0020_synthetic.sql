-- Who does not exist (canaries, drills): few among millions, and the core asks for them at each start.
CREATE INDEX profile_synthetic ON core.profile (subject) WHERE (body ->> 'synthetic')::boolean;
