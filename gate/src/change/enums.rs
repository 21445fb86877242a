//! The enum types: new ones, and new values of known ones.

use super::parts::unquoted;
use super::plan::{NewValues, Step};
use super::planner::Planner;
use super::refusal::Remedy;
use crate::catalogue::schema::Enum;

impl Planner<'_> {
    pub(super) fn enums(&mut self) {
        for Enum { name, .. } in &self.schema.enums {
            if !self.entities.enums.contains_key(name) {
                let problem = "no entity has a column of this type; dropping it needs that of its columns";
                self.refuse(format!("enum {name}"), problem, Remedy::DROP_COLUMN);
            }
        }
        for (name, values) in &self.entities.enums {
            let kind = Enum { name: name.clone(), values: values.clone() };
            match self.schema.enums.iter().find(|known| known.name == *name) {
                None => self.plan.steps.push(Step::CreateEnum(kind)),
                Some(known) if known.values == *values => {}
                Some(known) => self.add_values(kind, &known.values),
            }
        }
    }

    fn add_values(&mut self, kind: Enum, known: &[String]) {
        let kept: Vec<&String> = kind.values.iter().filter(|value| known.contains(value)).collect();
        if !kept.iter().copied().eq(known) {
            let problem = format!(
                "has the values {}, but in the entities {}; PostgreSQL cannot remove or reorder a value, and the type is \
                 replaced by another one",
                known.join(", "),
                kind.values.join(", ")
            );
            return self.refuse(format!("enum {}", kind.name), problem, Remedy::CHANGE_TYPE);
        }
        if let Some(user) = self.user_of(&kind.name) {
            let problem = format!("{user} uses the type, so that down cannot replace it");
            return self.refuse(format!("enum {}", kind.name), problem, Remedy::ENUM_VALUE);
        }
        let name = format!("::{}", kind.name);
        let (mut columns, mut dependents) = (Vec::new(), Vec::new());
        for table in &self.schema.tables {
            let of_type = table.columns.iter().filter(|column| column.kind == kind.name);
            let of_type: Vec<_> = of_type
                .map(|column| {
                    let default = column.default.as_deref().and_then(|text| text.rsplit_once("::"));
                    let default = default.map(|(text, _)| unquoted(text));
                    (table.name.clone(), column.name.clone(), default)
                })
                .collect();
            if of_type.is_empty() {
                continue;
            }
            columns.extend(of_type);
            let indexes = table.indexes.iter().filter(|index| index.definition.contains(&name));
            dependents.extend(
                indexes
                    .map(|index| (format!("drop index if exists {}", index.name), index.definition.clone())),
            );
            let checks = table.constraints.iter().filter(|check| check.definition().contains(&name));
            dependents.extend(checks.map(|check| {
                let alter = format!("alter table {}", table.name);
                let add = format!("{alter} add constraint {} {}", check.name, check.definition());
                (format!("{alter} drop constraint if exists {}", check.name), add)
            }));
        }
        let added = kind.values.iter().filter(|value| !known.contains(value)).cloned().collect();
        self.plan.steps.push(Step::AddValues(NewValues { kind, added, columns, dependents }));
    }

    /// A function or policy that uses a type, and would have to be created again with it.
    fn user_of(&self, kind: &str) -> Option<String> {
        let function = self.schema.functions.iter().find(|function| {
            let texts = [&function.arguments, &function.result];
            texts.iter().any(|text| text.split([' ', ',']).any(|word| word == kind))
        });
        let cast = format!("::{kind}");
        let policy = self.schema.tables.iter().flat_map(|table| &table.policies).find(|policy| {
            [&policy.using, &policy.check].into_iter().flatten().any(|text| text.contains(&cast))
        });
        let function = function.map(|function| format!("the function {}", function.signature));
        function.or_else(|| policy.map(|policy| format!("the policy {}", policy.name)))
    }
}
