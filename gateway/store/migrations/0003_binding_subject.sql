-- Who looks at a home's devices asks by person.
CREATE INDEX binding_subject ON core.binding (subject);
