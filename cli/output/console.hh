// Output to standard error: permanent lines, and a status line below them that is redrawn.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "cli/output/io.hh"

namespace osb::cli {

// The role of a text, which selects its colour.
enum class Style { plain, error, warning, hint };

// Adds the escape sequences of the style, for a terminal.
std::string in_style(Style style, std::string_view text);

// Writes to standard error. Thread-safe. Failed writes are ignored, because there is no other place to report
// them.
class Console {
  public:
    explicit Console(Io& io) : io_(io) {}
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;
    ~Console() = default;

    void set_colour(bool on) noexcept { colour_ = on; }

    // Writes one line: `label` in its style, then the text, made printable.
    void line(Style style, std::string_view label, std::string_view text);
    // Writes one line without changes, for programs.
    void raw_line(std::string_view text);
    // Draws the status line at the bottom; "" removes it. Only on terminals.
    void set_status(std::string_view text);

    Io& io() const noexcept { return io_; }

  private:
    void write(std::string_view text);

    Io& io_;
    bool colour_ = false;
    std::mutex mutex_;
    std::string status_;
};

}  // namespace osb::cli
