// registries.conf: where images are read from and written to instead.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "registry/auth/registries_conf.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;
using registry::PullPlace;
using registry::RegistriesConf;

std::string describe(const std::vector<PullPlace>& places) {
    std::string out;
    for (const PullPlace& place : places)
        out += concat(place.name, ' ', place.insecure ? 1 : 0, place.mirror ? 1 : 0, '\n');
    return out;
}

std::string places(const RegistriesConf& conf, const std::string& name, const std::string& tag,
                   const std::string& digest) {
    std::string out = "blocked";
    accepts([&] {
        const std::vector<PullPlace> found = conf.pull_places(name, tag, digest);
        // The registry itself comes last, and mirrors before it.
        require(!found.empty() && !found.back().mirror);
        for (const PullPlace& place : found) require(fuzz::is_printable(place.name) && !place.name.empty());
        out = describe(found);
    });
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    accepts([&] {
        RegistriesConf conf;
        conf.add(text, "registries.conf");
        RegistriesConf twice = conf;
        twice.add(text, "drop-in.conf");
        const std::string digest = "sha256:" + std::string(64, '0');
        for (const std::string name : {"a.example/b/c", "a.example:5000/b", "docker.io/library/x", "b/c"}) {
            // The same drop-in once more changes nothing.
            require(places(conf, name, "1", "") == places(twice, name, "1", ""));
            require(places(conf, name, "", digest) == places(twice, name, "", digest));
            accepts([&] { require(conf.push_place(name, "1").name == name); });
        }
    });
    return 0;
}
