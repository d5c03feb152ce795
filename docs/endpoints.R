# Every row of `engraft registry report`, computed by R's survival from the analysis table:
#   engraft registry table --from fhir/ --out table.csv && Rscript docs/endpoints.R table.csv > rows.csv
# Needs R with its package survival (Debian: r-base-core r-cran-survival). The definitions are in docs/endpoints.md.
suppressPackageStartupMessages(library(survival))

table <- read.csv(commandArgs(trailingOnly = TRUE)[1], colClasses = "character", check.names = FALSE)
column <- function(name) { x <- table[[name]]; x[x == ""] <- NA; x }
dates <- c(90, 180, 365, 730)
number <- function(x) ifelse(is.na(x), "", formatC(x, digits = 16, format = "g", width = 1))
row <- function(endpoint, day, ...) cat(paste(c(endpoint, number(day), number(c(...))), collapse = ","), "\n", sep = "")
cat("endpoint,horizon_days,n,at_risk,events,estimate,se,ci_low,ci_high\n")

# A time to an event. Nothing is said past the last day, unless nobody was censored on it.
time_to_event <- function(id, days, competing) {
  name <- gsub("-", "_", id)
  time <- as.numeric(column(paste0(name, "_days"))); status <- as.numeric(column(paste0(name, "_status")))
  status <- status[!is.na(time)]; time <- time[!is.na(time)]
  for (day in days) {
    at_risk <- sum(time >= day); events <- sum(time <= day & status == 1)
    last <- if (length(time)) max(time) else -1
    if (!length(time) || (day > last && any(status[time == last] == 0))) {
      row(id, day, length(time), at_risk, events, NA, NA, NA, NA); next
    }
    if (competing) {
      fit <- survfit(Surv(time, factor(status, 0:2)) ~ 1, conf.type = "log-log")
      s <- summary(fit, times = day, extend = TRUE)
      said <- c(s$pstate[1, 2], s$std.err[1, 2], s$lower[1, 2], s$upper[1, 2])
    } else {
      s <- summary(survfit(Surv(time, status == 1) ~ 1, conf.type = "log-log"), times = day, extend = TRUE)
      said <- c(s$surv, s$std.err, s$lower, s$upper)
      if (said[1] %in% c(0, 1)) said[2] <- NA
    }
    if (said[1] %in% c(0, 1)) said[3:4] <- NA
    row(id, day, length(time), at_risk, events, said)
  }
}

# A share of patients: n is those it is of, events those counted.
share <- function(id, day, count, of) {
  ci <- if (of > 0) binom.test(count, of)$conf.int else c(NA, NA)
  row(id, day, of, NA, count, if (of > 0) count / of else NA, NA, ci[1], ci[2])
}

# Values: estimate is the median, the interval the quartiles.
spread <- function(id, day) {
  x <- as.numeric(column(paste0(gsub("-", "_", id), "_", day))); x <- x[!is.na(x)]
  q <- if (length(x)) quantile(x, c(.5, .25, .75), type = 7) else rep(NA, 3)
  row(id, day, length(x), NA, NA, q[1], NA, q[2], q[3])
}

# The class of donor chimerism of each patient: `full t-cell=mixed` is full of all cells, and mixed of T cells.
donors <- function(day, cells) {
  x <- column(paste0("chimerism_", day)); x[is.na(x)] <- ""
  vapply(strsplit(x, " "), function(words) {
    mine <- if (cells == "") !grepl("=", words) else startsWith(words, paste0(cells, "="))
    if (any(mine)) sub(".*=", "", words[mine][1]) else NA_character_
  }, "")
}

time_to_event("os", 730, FALSE)
for (day in dates) {
  category <- column(paste0("response_", day)); responded <- sum(category %in% c("CR", "CRh", "CRi", "PR"))
  share("response", day, responded, length(category))
  share("response", day, responded, sum(!is.na(category)))
}
time_to_event("relapse", dates, TRUE)
time_to_event("disease-death", dates, TRUE)
time_to_event("lfs", c(365, 730), FALSE)
time_to_event("nrm", c(90, 365, 730), TRUE)
for (id in c("agvhd-2-4", "agvhd-3-4", "cgvhd", "cgvhd-moderate-severe")) time_to_event(id, dates, TRUE)
time_to_event("grfs", c(365, 730), FALSE)
time_to_event("neutrophil-engraftment", c(28, 42), TRUE)
time_to_event("platelet-engraftment", 100, TRUE)
given <- as.numeric(column("pdli_given")) > 0; possible <- column("pdli_possible") == "1"
on_120 <- column("pdli_alive_relapse_free_120") == "1"
share("pdli-feasibility", NA, sum(given), length(given))
share("pdli-feasibility", NA, sum(given & on_120), sum(on_120))
share("pdli-feasibility", NA, sum(given & possible), sum(possible))
share("pdli-feasibility", NA, sum(possible), length(possible))
share("pdli-feasibility", NA, sum(possible & on_120), sum(on_120))
time_to_event("pdli-gvhd", dates, TRUE)
for (id in paste0("immune-", c("cd4", "cd8", "treg", "nk", "b"))) for (day in c(30, 90, 180)) spread(id, day)
for (day in c(30, dates)) for (cells in c("", "t-cell", "myeloid")) {
  donor <- donors(day, cells)
  if (cells != "" && all(is.na(donor))) next
  for (class in c("full", "mixed", "absent")) share("chimerism", day, sum(donor %in% class), sum(!is.na(donor)))
}
for (id in c("relapse-molecular", "disease-death-by-cause", "agvhd-2-4-death-alone", "agvhd-3-4-death-alone", "cgvhd-death-alone",
             "cgvhd-moderate-severe-death-alone")) time_to_event(id, dates, TRUE)
twice <- column("immune_cd4_recovered_100")
share("immune-cd4-recovered", 100, sum(twice %in% "1"), length(twice))
share("immune-cd4-recovered", 100, sum(twice %in% "1"), sum(!is.na(twice)))
