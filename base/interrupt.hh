// Orderly termination on SIGINT, SIGTERM and SIGHUP: the handler sets a flag, and long loops check it.
#pragma once

namespace osb {

// Installs handlers for SIGINT, SIGTERM and SIGHUP, but for none that the caller ignores (nohup(1), `trap ""
// INT`). A second identical signal has its default effect: it ends the process immediately.
void install_interrupt_handlers();

// Throws Interrupted if a signal has arrived. Cheap: call it in every loop over external data.
void check_interrupt();

// For tests: simulates a signal; 0 clears the flag.
void set_interrupted(int signal_number) noexcept;

}  // namespace osb
