#include <csignal>

#include "base/interrupt.hh"
#include "cli/run.hh"

int main(int argc, char** argv) {
    // A reader that has gone (`| head`) is an error of write(), which is reported, and not the end of the
    // process.
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for this signal
    osb::install_interrupt_handlers();
    osb::cli::Io io = osb::cli::process_io();
    return osb::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc}, io);
}
