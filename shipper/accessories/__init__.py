"""What runs beside the service, and no deploy touches: look → decide → do, by its own command.

`wanted` is what the config says, `looking` what is there, `plan` what is to be done (PURE); `booting`, `removing`,
`dumps` and `inside` are the stories.
"""
