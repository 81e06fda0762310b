// The results of `lint`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb::image {

enum class Severity : std::uint8_t {
    error,    // the system does not boot, is not upgraded, or gives away a secret
    warning,  // it works, but not as the author of the image expects
};

// "error", "warning".
std::string_view to_string(Severity severity) noexcept;

// A fault of an image.
struct Finding {
    std::string check;  // name of the check
    Severity severity = Severity::error;
    std::string path;     // in the tree, with a leading '/', not escaped; "" if it is about the whole image
    std::string message;  // one line, escaped
    std::string fix;      // a line of a Containerfile, or one line of advice; escaped; "" if it counts others
    bool import_warns_of_it = false;
};

// Receives the findings of a check. Keeps the first ones and counts the others.
class Findings {
  public:
    static constexpr std::size_t kMaxPerCheck = 20;

    explicit Findings(std::vector<Finding>& out) : out_(out) {}

    // Begins the findings of the check of that name.
    void begin(std::string_view check);
    void error(std::string_view path, std::string message, std::string fix) {
        add(Severity::error, path, std::move(message), std::move(fix));
    }
    void warning(std::string_view path, std::string message, std::string fix) {
        add(Severity::warning, path, std::move(message), std::move(fix));
    }
    // A finding that import reports by itself, as a warning.
    void known(Severity severity, std::string_view path, std::string message, std::string fix);
    // Ends the findings of the check: adds one for those that were only counted.
    void end();

  private:
    void add(Severity severity, std::string_view path, std::string message, std::string fix);

    std::vector<Finding>& out_;
    std::string check_;
    std::size_t kept_ = 0;
    std::size_t more_ = 0;
    Severity worst_of_more_ = Severity::warning;
};

}  // namespace osb::image
