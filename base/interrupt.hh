// SIGINT and SIGTERM end an operation in an orderly way: the handler sets a flag, long loops look at it.
#pragma once

namespace osb {

// Installs handlers for SIGINT and SIGTERM. A second signal ends the process at once, as without handlers.
void install_interrupt_handlers();

// Throws Interrupted when a signal came. Cheap; for use in every loop over outside data.
void check_interrupt();

// For tests: as if the signal had come; 0 clears the flag.
void set_interrupted(int signal_number) noexcept;

}  // namespace osb
