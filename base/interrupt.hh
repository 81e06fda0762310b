// Orderly termination on SIGINT, SIGTERM and SIGHUP: the handler sets a flag, and long loops check it.
#pragma once

namespace osb {

// Installs handlers for SIGINT, SIGTERM and SIGHUP. SIGHUP stays ignored if the caller ignores it (nohup(1)).
// SIGINT does not: shells ignore it in all programs that they start in the background, and whoever sends it
// to one of them means it. A second identical signal has its default effect: it ends the process immediately.
void install_interrupt_handlers();

// Throws Interrupted if a signal has arrived. Cheap: call it in every loop over external data.
void check_interrupt();

// For tests: simulates a signal; 0 clears the flag.
void set_interrupted(int signal_number) noexcept;

}  // namespace osb
