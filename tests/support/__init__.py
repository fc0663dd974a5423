"""What tests share: a daemon in a process of its own, sounds, tiny models, a simulated REAPER. No test lives here."""
