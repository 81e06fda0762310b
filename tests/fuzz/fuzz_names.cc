// Short texts: one line of input is a path in a layer, a part of a ref, the URL of a server, a version, a
// line that the server of a push says; the next line is another version.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/escape.hh"
#include "base/log.hh"
#include "base/shell_word.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "ostree/push/receive_log.hh"
#include "ostree/push/ssh_target.hh"
#include "ostree/tree/layer_path.hh"
#include "system/upgrade/release_order.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

void check_path(std::string_view text) {
    accepts([&] {
        const std::string path = ostree::normalize_path(text);
        require(path.empty() || ostree::normalize_path(path) == path);
        require(concat('/', path, '/').find("/../") == std::string::npos);
        if (path.empty()) return;
        const ostree::LayerName name = ostree::classify(path);
        const bool is_plain =
            name.kind == ostree::NameKind::ordinary || name.kind == ostree::NameKind::ignored;
        require(!is_plain || name.path == path);
        // Also what a whiteout hides lies inside.
        require(name.path.empty() || ostree::normalize_path(name.path) == name.path);
    });
}

void check_ref(std::string_view text) {
    std::string ref;
    if (!accepts([&] { ref = ostree::escape_ref(text); })) return;
    // ostree-ext escapes no '-', and ostree takes none at the beginning of a part.
    const bool is_taken = concat('/', ref).find("/-") == std::string::npos;
    require(!is_taken || accepts([&] { static_cast<void>(ostree::RefName::parse("x/" + ref)); }));
}

// The words that a POSIX shell makes of it: one, with the text that it stands for.
std::string unquoted(std::string_view word) {
    std::string out;
    bool in_quotes = false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] == '\'') {
            in_quotes = !in_quotes;
        } else if (word[i] == '\\' && !in_quotes) {
            require(++i < word.size());
            out += word[i];
        } else {
            require(in_quotes ||
                    std::string_view(" \t\n\"$`&|;<>()*?[]#~!{}").find(word[i]) == std::string_view::npos);
            out += word[i];
        }
    }
    require(!in_quotes);
    return out;
}

void check_target(std::string_view text) {
    if (text.find('\0') == std::string_view::npos) {
        const std::string word = shell_quoted(text);
        require(!word.empty() && unquoted(word) == text);
    }
    accepts([&] {
        const ostree::SshTarget target = ostree::SshTarget::parse(text);
        const ostree::SshTarget again = ostree::SshTarget::parse(target.to_string());
        require(again.user == target.user && again.host == target.host && again.port == target.port);
        require(again.path == target.path && target.path.starts_with('/'));
        require(!target.host.starts_with('-') && !target.user.starts_with('-'));
    });
}

// An order: the same from both sides.
void check_versions(std::string_view a, std::string_view b) {
    const auto sign = [](int value) { return (value > 0) - (value < 0); };
    require(sign(system::compare_versions(a, b)) == -sign(system::compare_versions(b, a)));
    require(system::compare_versions(a, a) == 0);
}

void check_server_says(std::string_view text) {
    ostree::ReceiveLog log(ostree::RefName::parse("os/x"), ostree::CommitId(Sha256{}), true);
    log.add("INFO:otpush.receive:Current commits:");
    log.add(text);
    log.add(concat("INFO:otpush.receive:", text));
    require(fuzz::is_printable(log.last_words()));
    require(log.before().told || !log.before().commit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    set_log_sink([](LogLevel, const std::string& line) { require(fuzz::is_printable(line)); });
    const std::string_view text = as_text({data, size});
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    check_path(line);
    check_ref(line);
    check_target(line);
    check_versions(line, text.substr(std::min(end + 1, text.size())));
    check_server_says(line);
    const std::string shown = escape(line);
    require(fuzz::is_printable(shown) && is_utf8(shown));
    return 0;
}
