"""Ask a running service whether it lives and whether it is ready: `health.py http://host:port`."""

import json
import sys
import urllib.error
import urllib.request


def ask(url: str) -> tuple[int, str]:
    """Return the status and the answer; 0 and the reason where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.dumps(json.load(answer))
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def main(base: str) -> int:
    """Print both answers; 1 unless both are good."""
    answers = {path: ask(base + path) for path in ("/health", "/ready")}
    for path, (status, text) in answers.items():
        print(f"{path} {status or 'no answer'} {text}")
    return int(any(status != 200 for status, _ in answers.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
