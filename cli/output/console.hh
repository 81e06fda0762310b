// Standard error: lines for people, and one line below them that is drawn over and over.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "cli/output/io.hh"

namespace osb::cli {

enum class Style { plain, error, warning, hint };

// The text in that style, for a terminal.
std::string in_style(Style style, std::string_view text);

// Threads may use it at once. A failed write is ignored: there is nowhere left to report it.
class Console {
  public:
    explicit Console(Io& io) : io_(io) {}
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;
    ~Console() = default;

    void set_colour(bool on) noexcept { colour_ = on; }

    // One line: `label` in its style, then the text, made printable.
    void line(Style style, std::string_view label, std::string_view text);
    // One line as it is, for machines.
    void raw_line(std::string_view text);
    // Draws or redraws the line at the bottom; "" removes it. On terminals only.
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
