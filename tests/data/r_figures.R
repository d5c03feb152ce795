# Figures of R for tests/data/r_figures.json, on generated data (no patient's).
# Rscript tests/data/r_figures.R > tests/data/r_figures.json   (Debian: r-base-core r-cran-survival)
suppressPackageStartupMessages(library(survival))

number <- function(x) ifelse(is.na(x), "null", formatC(x, digits = 16, format = "g", width = 1))
json <- function(x) paste0("[", paste(number(x), collapse = ", "), "]")
field <- function(name, x) sprintf("\"%s\": %s", name, x)

curve <- function(fit, at, state = NULL) {
  s <- summary(fit, times = at, extend = TRUE)
  pick <- function(name) if (is.null(state)) s[[name]] else s[[name]][, state]
  est <- if (is.null(state)) s$surv else s$pstate[, state]
  paste0("{", paste(
    field("estimate", json(est)), field("se", json(pick("std.err"))),
    field("low", json(pick("lower"))), field("high", json(pick("upper"))), sep = ", "), "}")
}

dataset <- function(name, n, causes, longest, censored, seed) {
  set.seed(seed)
  time <- sample(0:longest, n, replace = TRUE)
  status <- ifelse(runif(n) < censored, 0, sample(1:causes, n, replace = TRUE))
  at <- sort(unique(time))
  any <- survfit(Surv(time, status > 0) ~ 1, conf.type = "log-log")
  parts <- c(
    field("time", json(time)), field("status", json(status)), field("at", json(at)),
    field("at_risk", json(summary(any, times = at)$n.risk)), field("free", curve(any, at)))
  if (causes > 1) {
    states <- survfit(Surv(time, factor(status, 0:causes)) ~ 1, conf.type = "log-log")
    for (k in 1:causes) parts <- c(parts, field(paste0("cause_", k), curve(states, at, k + 1)))
  }
  sprintf("\"%s\": {%s}", name, paste(parts, collapse = ", "))
}

survival <- paste(c(
  dataset("one cause, many ties", 40, 1, 15, 0.4, 1),
  dataset("two causes, many ties", 60, 2, 20, 0.3, 2),
  dataset("two causes, nobody censored", 25, 2, 30, 0, 3),
  dataset("three causes", 80, 3, 60, 0.35, 4),
  dataset("four causes, many censored", 120, 4, 400, 0.7, 5),
  dataset("five patients", 5, 2, 5, 0.4, 6)), collapse = ",\n  ")

counts <- list(c(0, 1), c(1, 1), c(0, 12), c(12, 12), c(1, 7), c(3, 10), c(29, 30), c(50, 100), c(417, 1000), c(3, 100000))
exact <- paste(sapply(counts, function(x) {
  ci <- binom.test(x[1], x[2])$conf.int
  sprintf("{\"count\": %d, \"of\": %d, \"low\": %s, \"high\": %s}", x[1], x[2], number(ci[1]), number(ci[2]))
}), collapse = ",\n    ")

set.seed(7)
spreads <- paste(sapply(c(1, 2, 3, 4, 5, 10, 23), function(n) {
  x <- round(rexp(n, 1 / 200), 1)
  q <- quantile(x, c(0.5, 0.25, 0.75), type = 7)
  sprintf("{\"values\": %s, \"median\": %s, \"q1\": %s, \"q3\": %s}", json(x), number(q[1]), number(q[2]), number(q[3]))
}), collapse = ",\n    ")

cat(sprintf("{\"made_by\": \"%s, survival %s\",\n \"survival\": {\n  %s},\n \"clopper_pearson\": [\n    %s],\n \"quartiles\": [\n    %s]}\n",
            R.version.string, as.character(packageVersion("survival")), survival, exact, spreads))
