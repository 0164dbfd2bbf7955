-- What interrupted anybody in a span of days: figures by doctor, without a look at everything that was ever delivered.
CREATE INDEX delivery_by_interruption ON care.delivery (interrupts_at)
    WHERE interrupts_at IS NOT NULL AND channel = 'page';
