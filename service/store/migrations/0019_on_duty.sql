-- Asked for with every batch of alerts: who is on county duty or runs the machine, among all accounts.
CREATE INDEX account_on_duty ON care.account (role) WHERE role IN ('county_duty', 'administrator');
