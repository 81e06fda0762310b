#include "image/lint/fix.hh"

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/shell_word.hh"

namespace osb::image {

std::string run_line(std::string_view command, std::string_view path, std::string_view note) {
    if (path.starts_with('-') || escape(path) != path) {
        return concat("run ", command, " in the Containerfile with a pattern that matches ", quoted(path),
                      ": the name cannot be written as it is");
    }
    return concat("RUN ", command, ' ', shell_quoted(path), note.empty() ? "" : "   # ", note);
}

}  // namespace osb::image
