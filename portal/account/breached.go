package account

// Breached knows passwords that attackers try first.
type Breached interface {
	Has(password string) (bool, error)
}

// WithBreached has the service refuse passwords that are known.
func WithBreached(list Breached) Option { return func(s *Service) { s.breached = list } }

// checkNewPassword checks a password that somebody chose.
func (s *Service) checkNewPassword(wrong FieldErrors, username, password, confirm string) {
	wrong.checkPasswords(username, password, confirm)
	if s.breached == nil || wrong[FieldPassword] != "" {
		return
	}
	known, err := s.breached.Has(password)
	if err != nil { // people are let in, and whoever runs the portal is told
		s.log.Error("breached passwords cannot be looked up", "error", err)
	}
	if known {
		wrong[FieldPassword] = "Attackers try this password first: it is among the commonest, or known from a breach. " +
			"Choose another one; a few unrelated words make a good one."
	}
}
